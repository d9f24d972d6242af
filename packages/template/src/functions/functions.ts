import type { DataReader } from '../data/query.ts';
import type { TemplateFunction } from '../language/builtins.ts';
import { collectionFunctions } from './collections.ts';
import { discoveryFunctions } from './discovery.ts';
import { encodingFunctions } from './encodings.ts';
import { type Machine, machineFunctions } from './machine.ts';
import { numberFunctions } from './numbers.ts';
import { matchesPattern } from './pattern.ts';
import { sprigFunctions } from './sprig/sprig.ts';
import { stringFunctions } from './strings.ts';

/**
 * consul-template's functions, anew for each rendering (`scratch` lives as long as one). Names in `denied` (with `*` for anything) answer with an error.
 * Source: https://github.com/hashicorp/consul-template/blob/main/docs/templating-language.md
 */
export function templateFunctions(
  data: DataReader,
  machine: Machine,
  denied: readonly string[] = [],
): ReadonlyMap<string, TemplateFunction> {
  const functions = new Map<string, TemplateFunction>([
    ...stringFunctions,
    ...numberFunctions,
    ...collectionFunctions,
    ...encodingFunctions,
    ...machineFunctions(machine),
    ...discoveryFunctions(data),
    ...sprigFunctions(machine),
  ]);
  for (const name of functions.keys()) {
    if (denied.some((pattern) => matchesPattern(pattern, name))) functions.set(name, () => deny(name));
  }
  return functions;
}

function deny(name: string): never {
  throw new Error(`function is disabled: ${name} is in function_denylist`);
}
