import { textHash } from '../../base/text-digest.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { Diagnostic } from '../model.ts';
import type { ListenerContribution, NodePortWish } from './contract.ts';
import { compareRanks } from './rank.ts';

/** Kubernetes' default `--service-node-port-range`. */
const first = 30_000;
const last = 32_767;
/** Kubernetes leaves the lower part of its range to those who choose a port (KEP-3668): 86 of 2,768. */
const firstOfOurs = first + 86;

/** The ports that are given to Services, as listeners of their owners. */
export interface NodePorts {
  /** `owner` (named `subject`) wants exactly these. */
  set(owner: string, subject: string, wishes: readonly NodePortWish[]): void;
  /** Owners whose listeners are others now, with them. */
  settle(): ReadonlyMap<string, readonly ListenerContribution[]>;
  clear(): void;
}

/**
 * Who names a port has it (two that do are told apart where listeners are); who names none gets the one that its name hashes to, or the next
 * that is free, the older before the younger. So a port stays what it is while others come, over a restart and on every server.
 */
export function createNodePorts(diagnostics: DiagnosticSet): NodePorts {
  const wishesOf = new Map<string, { readonly subject: string; readonly wishes: readonly NodePortWish[] }>();
  let given = new Map<string, readonly ListenerContribution[]>();
  let dirty = false;

  function assign(): Map<string, readonly ListenerContribution[]> {
    const all = [...wishesOf].flatMap(([owner, { subject, wishes }]) =>
      wishes.map((wish) => ({ owner, subject, wish })),
    );
    all.sort((left, right) => compareRanks(left.wish.rank, right.wish.rank));
    const taken = new Set<string>();
    for (const { wish } of all) if (wish.port !== undefined) taken.add(`${wish.protocol} ${wish.port}`);
    const listeners = new Map<string, ListenerContribution[]>();
    const without: Diagnostic[] = [];
    for (const { owner, subject, wish } of all) {
      const port = wish.port ?? freePort(`${subject} ${wish.id}`, wish.protocol, taken);
      if (port === undefined) {
        const message = `no ${wish.protocol.toUpperCase()} port of ${firstOfOurs} to ${last} is free: take NodePort away from another Service`;
        without.push({ severity: 'error', code: 'node-ports-taken', subject, message, path: wish.path });
        continue;
      }
      const list = listeners.get(owner) ?? [];
      listeners.set(owner, list);
      list.push(listenerOf(subject, wish, port));
    }
    diagnostics.replace('\0node-ports', without);
    return listeners;
  }

  return {
    set(owner, subject, wishes) {
      if (wishes.length === 0 && !wishesOf.has(owner)) return;
      dirty = true;
      if (wishes.length === 0) wishesOf.delete(owner);
      else wishesOf.set(owner, { subject, wishes });
    },
    settle() {
      if (!dirty) return nothing;
      dirty = false;
      const before = given;
      given = assign();
      const changed = new Map(given);
      for (const owner of before.keys()) if (!given.has(owner)) changed.set(owner, []);
      return changed;
    },
    clear() {
      wishesOf.clear();
      given = new Map();
      dirty = false;
    },
  };
}

const nothing: ReadonlyMap<string, readonly ListenerContribution[]> = new Map();

/** Undefined: all are taken. */
function freePort(name: string, protocol: string, taken: Set<string>): number | undefined {
  const count = last - firstOfOurs + 1;
  const start = textHash(name) % count;
  for (let step = 0; step < count; step++) {
    const port = firstOfOurs + ((start + step) % count);
    if (taken.has(`${protocol} ${port}`)) continue;
    taken.add(`${protocol} ${port}`);
    return port;
  }
  return undefined;
}

function listenerOf(subject: string, wish: NodePortWish, port: number): ListenerContribution {
  const { protocol, targets, affinityMs, rank, path, id } = wish;
  const base = { name: `${subject}/node-port/${id}`, bind: { port }, targets };
  const listener =
    protocol === 'udp'
      ? { ...base, protocol, ...(affinityMs === undefined ? {} : { idleMs: affinityMs }) }
      : { ...base, protocol, ...(affinityMs === undefined ? {} : { affinityMs }) };
  return { listener: Object.freeze(listener), rank, path };
}
