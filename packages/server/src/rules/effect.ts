import { Fault } from '@portolan/core/base/fault.ts';
import { sameJson } from '@portolan/core/base/json.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import type { CatalogDelta, CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { RecordKey } from '@portolan/core/catalog/records.ts';
import { matchText } from '@portolan/core/traffic/explain.ts';
import {
  type Diagnostic,
  type TrafficDelta,
  type TrafficKind,
  type TrafficModel,
  trafficKinds,
  type VirtualHost,
} from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import { actionText } from '@portolan/core/traffic/route-text.ts';
import type { Engine } from '../contract.ts';

/** What a change would do to the traffic. */
export type Effect =
  /** Planning it would take too long. */
  | { readonly planned: false; readonly reason: string }
  | {
      readonly planned: true;
      readonly changes: readonly TrafficChange[];
      /** Above `maxChanges` only the count is told. */
      readonly count: number;
      /** What the planner would say then and does not say now. */
      readonly diagnostics: readonly Diagnostic[];
    };

export interface TrafficChange {
  readonly kind: TrafficKind;
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** A virtual host's routes, one a line. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

/** Planning anew costs what there is, and holds up the server: 100 to 200 ms for so much. */
const limits = { maxInstances: 5_000, maxRules: 2_000 };
const maxChanges = 200;
const maxRouteLines = 200;

/** The way out of an intent that must not be written: what it found. */
class DryRun<T> extends Fault {
  readonly found: T;

  constructor(found: T) {
    super('cancelled', 'a dry run writes nothing');
    this.found = found;
  }
}

/**
 * Runs `work` upon a draft, plans what it wrote with a planner of its own, and takes everything back: the catalog, the store and the
 * traffic stay as they are. `work` may write rules, `writtenKeys` of its result.
 */
export async function dryRun<T>(
  engine: Engine,
  createPlanner: () => Planner,
  work: (draft: Draft) => T,
  writtenKeys: (result: T) => readonly RecordKey[],
): Promise<{ readonly result: T; readonly effect: Effect }> {
  try {
    return await engine.submit((draft): never => {
      const reason = tooLarge(draft);
      if (reason !== undefined) {
        throw new DryRun({ result: work(draft), effect: { planned: false, reason } satisfies Effect });
      }
      const planner = createPlanner();
      // A planner asks nothing about topics, which is all that a draft does not know.
      const catalog = draft as unknown as CatalogReader;
      planner.rebuild(catalog);
      const before = copyOf(planner.model);
      const knownDiagnostics = planner.diagnostics;
      const result = work(draft);
      const changed = planner.update(catalog, rulesDelta(draft.revision + 1, writtenKeys(result)));
      throw new DryRun({ result, effect: effectOf(before, changed, planner, knownDiagnostics) });
    });
  } catch (thrown) {
    if (thrown instanceof DryRun) return thrown.found;
    throw thrown;
  }
}

function tooLarge(draft: Draft): string | undefined {
  let instances = 0;
  for (const service of draft.services()) instances += service.size;
  if (instances > limits.maxInstances)
    return `there are ${instances} instances: only up to ${limits.maxInstances} it is planned`;
  let rules = 0;
  for (const _ of draft.rules()) rules += 1;
  return rules > limits.maxRules
    ? `there are ${rules} rules: only up to ${limits.maxRules} it is planned`
    : undefined;
}

type Copy = Pick<TrafficModel, TrafficKind>;

function copyOf(model: TrafficModel): Copy {
  return Object.fromEntries(
    trafficKinds.map((kind) => [kind, new Map<string, unknown>(model[kind])]),
  ) as unknown as Copy;
}

function rulesDelta(revision: number, keys: readonly RecordKey[]): CatalogDelta {
  const ruleKeys = new Set(keys);
  return { ...nothingElse, revision, rules: ruleKeys.size > 0, ruleKeys };
}

const nothingElse: Omit<CatalogDelta, 'revision' | 'rules' | 'ruleKeys'> = {
  services: new Set(),
  serviceList: false,
  nodes: new Set(),
  nodeList: false,
  checks: [],
  checkList: false,
  kvKeys: [],
  leases: [],
};

function effectOf(
  before: Copy,
  changed: TrafficDelta,
  planner: Planner,
  known: readonly Diagnostic[],
): Effect {
  const changes: TrafficChange[] = [];
  for (const kind of trafficKinds) {
    const was = before[kind] as ReadonlyMap<string, object>;
    const is = planner.model[kind] as ReadonlyMap<string, object>;
    for (const name of changed[kind]) {
      const [old, now] = [was.get(name), is.get(name)];
      if (sameJson(old, now)) continue;
      const change = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
      changes.push({ kind, name, change, ...(kind === 'virtualHosts' && routeLines(old, now)) });
    }
  }
  const said = new Set(known.map((one) => JSON.stringify(one)));
  const diagnostics = planner.diagnostics
    .filter((one) => !said.has(JSON.stringify(one)))
    .slice(0, maxChanges);
  return { planned: true, changes: changes.slice(0, maxChanges), count: changes.length, diagnostics };
}

function routeLines(
  before: object | undefined,
  after: object | undefined,
): Pick<TrafficChange, 'before' | 'after'> {
  return {
    ...(before && { before: linesOf(before as VirtualHost) }),
    ...(after && { after: linesOf(after as VirtualHost) }),
  };
}

function linesOf({ domains, routes }: VirtualHost): readonly string[] {
  const lines = routes
    .slice(0, maxRouteLines)
    .map((route) => `${domains.join(',')} ${matchText(route.match)} -> ${actionText(route.action)}`);
  return routes.length > maxRouteLines ? [...lines, `… ${routes.length - maxRouteLines} more`] : lines;
}
