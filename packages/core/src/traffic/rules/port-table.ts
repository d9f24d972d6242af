import { sameJson } from '../../base/json.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { Diagnostic, Listener } from '../model.ts';
import type { OwnListeners } from '../own-listeners.ts';
import type { ListenerContribution } from './contract.ts';
import { createRanked } from './ranked.ts';

/** The listeners, one for each address and port: the first by rank opens it. */
export interface PortTable {
  set(owner: string, subject: string, listeners: readonly ListenerContribution[]): void;
  settle(own: OwnListeners): ReadonlySet<string>;
  clear(): void;
}

export function createPortTable(listeners: Map<string, Listener>, diagnostics: DiagnosticSet): PortTable {
  const doors = createRanked<ListenerContribution>(({ listener }) => placeOf(listener));
  /** The listener that is open at a place. */
  const open = new Map<string, string>();

  function winnerAt(place: string, own: OwnListeners): Listener | undefined {
    const found: Diagnostic[] = [];
    const all = doors.at(place);
    const [winner, ...losers] = all;
    const reserved = winner !== undefined && isReserved(winner.item.listener, own);
    for (const { subject, item } of reserved ? all : losers) {
      if (!reserved && sameJson(item.listener, winner?.item.listener)) continue;
      found.push({
        severity: 'error',
        code: reserved ? 'port-reserved' : 'port-conflict',
        subject,
        message: reserved
          ? `${place} is one of the server's own listeners: choose another port`
          : `${place} is opened by ${winner?.subject}, which comes first: choose another port`,
        ...(item.path === '' ? {} : { path: item.path }),
      });
    }
    diagnostics.replace(`\0port ${place}`, found);

    return reserved ? undefined : winner?.item.listener;
  }

  return {
    set: (owner, subject, brought) => doors.set(owner, subject, brought),
    settle(own) {
      const changed = new Set<string>();
      const winners = [...doors.touched()].map((place) => [place, winnerAt(place, own)] as const);
      // All that close first: one may open again at another port.
      for (const [place, winner] of winners) {
        const before = open.get(place);
        if (before === undefined || before === winner?.name) continue;
        open.delete(place);
        if (listeners.delete(before)) changed.add(before);
      }
      for (const [place, winner] of winners) {
        if (winner === undefined || sameJson(listeners.get(winner.name), winner)) continue;
        open.set(place, winner.name);
        listeners.set(winner.name, winner);
        changed.add(winner.name);
      }
      return changed;
    },
    clear() {
      doors.clear();
      open.clear();
    },
  };
}

/** What can be bound once: `TCP port 3306`, `UDP port 53 of 127.96.0.1`. */
function placeOf({ protocol, bind }: Listener): string {
  const transport = protocol === 'udp' ? 'UDP' : 'TCP';
  if (typeof bind === 'string') return bind;
  return `${transport} port ${bind.port}${bind.address === undefined ? '' : ` of ${bind.address}`}`;
}

function isReserved({ protocol, bind }: Listener, own: OwnListeners): boolean {
  if (protocol === 'udp' || typeof bind === 'string') return false;
  return bind.address === undefined ? own.hasPort(bind.port) : own.includes(bind.address, bind.port);
}
