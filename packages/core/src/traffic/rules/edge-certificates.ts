import type { Certificate, TlsAction } from '../listener.ts';
import { edgeTable, type WeightedTarget } from '../route.ts';
import type { EdgeCertificate, TlsContribution } from './contract.ts';
import type { Shared } from './shared.ts';
import type { TlsTable } from './tls-table.ts';

/** The built-in edge's own certificates: shown for their names where no rule has a better one, and the first for all others. */
export interface EdgeCertificates {
  /** Whether they are others than before. */
  set(certificates: readonly EdgeCertificate[]): boolean;
  /** Name of the one that is shown for a server name (as in `TlsHost.serverNames`). */
  nameFor(serverName: string): string | undefined;
  clear(): void;
}

const owner = '\0edge';

export function createEdgeCertificates(shared: Shared<Certificate>, tls: TlsTable): EdgeCertificates {
  let current: readonly EdgeCertificate[] | undefined;
  const nameOf = new Map<string, string>();

  return {
    set(certificates) {
      if (certificates === current || (current === undefined && certificates.length === 0)) return false;
      current = certificates;
      nameOf.clear();
      for (const { name, serverNames } of certificates)
        for (const serverName of serverNames) if (!nameOf.has(serverName)) nameOf.set(serverName, name);
      const [first] = certificates;
      if (first !== undefined) nameOf.set('*', first.name);
      shared.set(owner, new Map(certificates.map(({ name, chain, key }) => [name, { name, chain, key }])));
      tls.set(
        owner,
        'gateway',
        [...nameOf].map(([serverName, name]) => hostOf(serverName, name)),
      );
      return true;
    },

    nameFor(serverName) {
      const exact = nameOf.get(serverName);
      if (exact !== undefined || serverName === '*') return exact;
      let dot = serverName.indexOf('.');
      const oneLabel = nameOf.get(`?${serverName.slice(dot)}`);
      if (oneLabel !== undefined) return oneLabel;
      for (; dot !== -1; dot = serverName.indexOf('.', dot + 1)) {
        const wide = nameOf.get(`*${serverName.slice(dot)}`);
        if (wide !== undefined) return wide;
      }
      return nameOf.get('*');
    },

    clear() {
      current = undefined;
      nameOf.clear();
    },
  };
}

/** After every rule and registration. */
function hostOf(serverName: string, certificate: string): TlsContribution {
  return {
    table: edgeTable,
    serverName,
    rank: [4],
    action: terminate([certificate], edgeTable),
    path: '',
  };
}

/** TLS ends here, HTTP goes on. */
export function terminate(
  certificates: readonly string[],
  table: string,
  clientAuth?: Extract<TlsAction, { type: 'terminate' }>['clientAuth'],
): TlsAction {
  return Object.freeze({
    type: 'terminate' as const,
    certificates: Object.freeze(certificates),
    ...(clientAuth === undefined ? {} : { clientAuth }),
    // biome-ignore lint/suspicious/noThenProperty: the model's word; nothing awaits it
    then: Object.freeze({ type: 'http' as const, table }),
  });
}

/** TLS ends here, and what is in it is no HTTP. */
export function terminateTcp(
  certificates: readonly string[],
  targets: readonly WeightedTarget[],
): TlsContribution['action'] {
  return Object.freeze({
    type: 'terminate' as const,
    certificates: Object.freeze(certificates),
    // biome-ignore lint/suspicious/noThenProperty: the model's word; nothing awaits it
    then: Object.freeze({ type: 'tcp' as const, targets }),
  });
}
