import type { Cluster, WeightedTarget } from '@portolan/core/traffic/model.ts';
import { upstreamName } from './names.ts';
import { block, type Directive, directive, type Token, text, variable, word } from './nginx-writer.ts';

/**
 * `split_clients`: a variable that holds an upstream by weight, or nothing for a share without anybody behind it. What is hashed decides which:
 * one answer for each value. nginx takes percents with two decimals.
 */
export function splitOf(
  hashed: Token,
  name: string,
  targets: readonly WeightedTarget[],
  usable: ReadonlyMap<string, Cluster>,
): Directive {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const upstream = ({ cluster }: WeightedTarget): Token => {
    const known = usable.get(cluster ?? '');
    return known === undefined ? text('') : word(upstreamName(known.name));
  };
  const shares = targets.slice(0, -1).map((target) => {
    const percent = Math.floor((target.weight / total) * 10_000) / 100;
    return directive(`${percent.toFixed(2)}%`, upstream(target));
  });
  const last = targets.at(-1);
  const rest = directive('*', last === undefined ? text('') : upstream(last));
  // nginx takes no share of nothing.
  const lines = shares.filter(({ name: share }) => share !== '0.00%');
  return block('split_clients', [hashed, variable(name)], [...lines, rest]);
}
