import { labels } from '@portolan/core/base/labels.ts';
import type { Transaction } from '@portolan/core/catalog/change.ts';
import type { CatalogRecord, InstanceRecord, KvRecord, Origin } from '@portolan/core/catalog/records.ts';

const origin: Origin = { dialect: 'test', source: 'suite', node: 'n1' };

/** Maps whose keys come from strangers have no prototype. */
function bare<T>(map: Record<string, T>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, map);
}

export function kvRecord(key: string, value = ''): KvRecord {
  return { kind: 'kv', key, value, flags: '0', lockIndex: 0 };
}

export function instanceRecord(
  service: string,
  id: string,
  more: Partial<InstanceRecord> = {},
): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node: 'n1',
    id,
    address: '10.0.0.1',
    port: 8080,
    tags: ['http', 'v1'],
    metadata: labels([['version', '1']]),
    taggedAddresses: bare({}),
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
    ...more,
  };
}

/** One record of each kind. */
export function oneOfEach(): CatalogRecord[] {
  return [
    {
      kind: 'node',
      name: 'n1',
      id: '',
      address: '10.0.0.1',
      datacenter: 'dc1',
      taggedAddresses: labels([['lan', '10.0.0.1']]),
      metadata: labels([['__proto__', 'a key like any other']]),
      adminState: 'in-service',
      adminReason: '',
      origin,
    },
    instanceRecord('web', 'web-1', {
      taggedAddresses: bare({ lan: { address: '::1', port: 1 } }),
      extra: { 'consul.Connect': { nested: [1, null, 'ü', { deep: true }] } },
    }),
    { kind: 'service', namespace: 'default', name: 'web', metadata: labels([]), origin },
    {
      kind: 'check',
      node: 'n1',
      id: 'c1',
      name: 'alive',
      status: 'critical',
      output: 'line\nline\u0000\u2028',
      notes: '',
      instance: { namespace: 'default', service: 'web', id: 'web-1' },
      definition: {
        probe: {
          type: 'http',
          url: 'http://10.0.0.1/',
          method: 'GET',
          headers: bare({ Accept: ['*/*'] }),
          body: '',
          tlsServerName: '',
          tlsSkipVerify: false,
        },
        intervalMs: 10_000,
        timeoutMs: 1_000,
        successBeforePassing: 0,
        failuresBeforeWarning: 0,
        failuresBeforeCritical: 0,
        deregisterAfterMs: 0,
      },
      origin,
    },
    { kind: 'lease', id: 'l1', ttlMs: 30_000, owner: 'n1', origin },
    kvRecord('config/app', 'dmFsdWU='),
    {
      kind: 'rule',
      apiVersion: 'networking.k8s.io/v1',
      ruleKind: 'Ingress',
      namespace: 'default',
      name: 'web',
      manifest: { spec: { rules: [] } },
      origin,
    },
    {
      kind: 'rule-version',
      apiVersion: 'networking.k8s.io/v1',
      ruleKind: 'Ingress',
      namespace: 'default',
      name: 'web',
      version: 3,
      manifest: { spec: { rules: [] } },
      size: 22,
      atMs: 1_700_000_000_000,
      by: 'alice@laptop',
      action: 'updated',
      origin,
    },
  ];
}

export function putting(...records: readonly CatalogRecord[]): Transaction {
  return { writes: records.map((record) => ({ op: 'put', record })), guards: [] };
}

export function deleting(...keys: readonly string[]): Transaction {
  return { writes: keys.map((key) => ({ op: 'delete', key })), guards: [] };
}
