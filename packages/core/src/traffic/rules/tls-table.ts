import { sameJson } from '../../base/json.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { TlsHost } from '../model.ts';
import { edgeTable } from '../route.ts';
import type { TlsContribution } from './contract.ts';
import { createRanked } from './ranked.ts';

/** The TLS hosts, one for each table and server name: the first by rank has it. */
export interface TlsTable {
  set(owner: string, subject: string, hosts: readonly TlsContribution[]): void;
  settle(): ReadonlySet<string>;
  clear(): void;
}

export function createTlsTable(tlsHosts: Map<string, TlsHost>, diagnostics: DiagnosticSet): TlsTable {
  const hosts = createRanked<TlsContribution>(({ table, serverName }) => `${table}\0${serverName}`);

  function settleOne(place: string): string | undefined {
    const [table = '', serverName = ''] = place.split('\0');
    const [winner, ...losers] = hosts.at(place);
    const found = losers
      .filter(({ item }) => item.path !== '' && !sameJson(item.action, winner?.item.action))
      .map(({ subject, item }) => ({
        severity: 'warning' as const,
        code: 'tls-conflict',
        subject,
        message: `what TLS connections to ${serverName} get is said by ${winner?.subject}, which comes first: take one of them away`,
        path: item.path,
      }));
    diagnostics.replace(`\0tls ${place}`, found);
    const name = table === edgeTable ? serverName : `${table}/${serverName}`;
    if (winner === undefined) return tlsHosts.delete(name) ? name : undefined;
    const after: TlsHost = Object.freeze({
      name,
      table,
      serverNames: Object.freeze([serverName]),
      action: winner.item.action,
    });
    if (sameJson(tlsHosts.get(name), after)) return undefined;
    tlsHosts.set(name, after);
    return name;
  }

  return {
    set: (owner, subject, brought) => hosts.set(owner, subject, brought),
    settle() {
      const changed = new Set<string>();
      for (const place of hosts.touched()) {
        const name = settleOne(place);
        if (name !== undefined) changed.add(name);
      }
      return changed;
    },
    clear: () => hosts.clear(),
  };
}
