import { Fault } from '@portolan/core/base/fault.ts';
import { type CatalogReader, topicOf } from '@portolan/core/catalog/reader.ts';
import type { CheckRecord, Entry } from '@portolan/core/catalog/records.ts';
import { jsonContent, type Read } from './blocking.ts';
import type { Call } from './call.ts';
import { filterShapes } from './filter-shapes.ts';
import { nodeMeta } from './query.ts';
import { filtered, nearFirst, nodeHas, selectInstances } from './selection.ts';
import {
  type WireObject,
  wireCheck,
  wireChecksOf,
  wireNode,
  wireNodeChecks,
  wireNodeMaintenance,
  wireNodeService,
  wireOwnChecks,
  wireServiceMaintenance,
} from './translate-answer.ts';

/** `GET /v1/health/service/:service` */
export const healthOfService: Read = {
  topic: (call) => topicOf.service(named(call, 'service name')),
  content(call, catalog) {
    const items = selectInstances(call, catalog).map((entry) => ({
      Node: wireNode(entry.record.node, catalog.node(entry.record.node)),
      Service: wireNodeService(entry),
      Checks: wireChecksOf(catalog, entry),
    }));
    return jsonContent(call, filtered(call, filterShapes.healthService, items));
  },
};

/** `GET /v1/health/checks/:service` */
export const checksOfService: Read = {
  topic: (call) => topicOf.service(named(call, 'service name')),
  content: (call, catalog) =>
    checkList(
      call,
      selectInstances(call, catalog).flatMap((entry) => wireOwnChecks(catalog, entry)),
    ),
};

/** `GET /v1/health/node/:node` */
export const checksOfNode: Read = {
  topic: (call) => topicOf.node(named(call, 'node name')),
  content(call, catalog) {
    const checks = wireNodeChecks(catalog, call.argument);
    for (const entry of catalog.instancesOnNode(call.argument)) checks.push(...wireOwnChecks(catalog, entry));
    return checkList(call, checks);
  },
};

/** `GET /v1/health/state/:state`, one of `any`, `passing`, `warning`, `critical`. */
export const checksInState: Read = {
  topic(call) {
    named(call, 'check state');
    return topicOf.checks;
  },
  content(call, catalog) {
    const meta = nodeMeta(call.query);
    const wanted = (check: WireObject) => call.argument === 'any' || check.Status === call.argument;
    const checks = [...everyCheck(catalog)].filter(
      (check) => wanted(check) && (meta.length === 0 || nodeHas(catalog, String(check.Node), meta)),
    );
    return checkList(call, checks);
  },
};

function* everyCheck(catalog: CatalogReader): Iterable<WireObject> {
  for (const entry of catalog.checks()) yield wireCheck(entry, instanceOfCheck(catalog, entry));
  for (const node of catalog.nodes()) {
    const down = wireNodeMaintenance(node);
    if (down !== undefined) yield down;
    for (const instance of catalog.instancesOnNode(node.record.name)) {
      const out = wireServiceMaintenance(instance);
      if (out !== undefined) yield out;
    }
  }
}

function instanceOfCheck(catalog: CatalogReader, { record }: Entry<CheckRecord>) {
  const { instance } = record;
  if (instance === undefined) return undefined;
  return catalog.instance(instance.namespace, instance.service, record.node, instance.id)?.record;
}

function checkList(call: Call, checks: readonly WireObject[]) {
  const near = nearFirst(call, checks, (check) => String(check.Node));
  return jsonContent(call, filtered(call, filterShapes.check, near));
}

/** The call's argument. Throws Consul's `Missing …` where there is none. */
export function named(call: Call, what: string): string {
  if (call.argument === '') throw new Fault('invalid', `Missing ${what}`);
  return call.argument;
}
