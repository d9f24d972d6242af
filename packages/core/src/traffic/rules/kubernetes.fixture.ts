import type { CatalogRecord } from '../../catalog/records.ts';
import { labelled, node, plain, put, rule, type WrittenManifest, world } from '../planner.fixture.ts';
import type { Planner } from '../planner.ts';
import type { EdgeCertificate } from './contract.ts';

const edge: EdgeCertificate = { name: 'edge', chain: 'CHAIN', key: 'KEY', serverNames: ['edge.test'] };
export const options = {
  gatewayDomain: 'localhost',
  edgeCertificates: () => [edge],
  virtualAddresses: true,
};

export const before = '2025-01-01T00:00:00.000Z';

interface Metadata {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
}

export function manifest(
  apiVersion: string,
  kind: string,
  name: string,
  more: object,
  metadata: Metadata = {},
): CatalogRecord {
  return rule({ apiVersion, kind, metadata: { name, ...metadata }, ...more } as WrittenManifest);
}

export function ingress(name: string, spec: object, metadata: Metadata = {}): CatalogRecord {
  return manifest('networking.k8s.io/v1', 'Ingress', name, { spec }, metadata);
}

/** An Ingress with annotations of ingress-nginx, for `/` of `<name>.test`. */
export function annotated(
  name: string,
  annotations: Readonly<Record<string, string>>,
  more: object = {},
): CatalogRecord {
  const full = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  const spec = { rules: [host(`${name}.test`, path('/', 'web'))], ...more };
  return ingress(name, spec, { annotations: Object.fromEntries(full) });
}

export function host(name: string | undefined, ...paths: readonly object[]): object {
  return { ...(name === undefined ? {} : { host: name }), http: { paths } };
}

export function path(text: string, name: string, pathType = 'Prefix', port: object = { number: 80 }): object {
  return { path: text, pathType, backend: { service: { name, port } } };
}

export function service(name: string, spec: object, metadata: Metadata = {}): CatalogRecord {
  return manifest('v1', 'Service', name, { spec }, metadata);
}

export function secret(
  name: string,
  data: Readonly<Record<string, string>>,
  metadata: Metadata = {},
): CatalogRecord {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)]));
  return manifest('v1', 'Secret', name, { data: encoded }, metadata);
}

export const pair = { 'tls.crt': '-----BEGIN CERTIFICATE-----', 'tls.key': '-----BEGIN PRIVATE KEY-----' };
export const web = [node('n1'), labelled('web', '10.0.0.1'), labelled('api', '10.0.0.2')];
export const oldClass = { annotations: { 'kubernetes.io/ingress.class': 'nginx' } };
const slices = 'discovery.k8s.io/v1';

export function slice(
  name: string,
  of: string,
  endpoints: readonly object[],
  ports: readonly object[],
): CatalogRecord {
  return manifest(
    slices,
    'EndpointSlice',
    name,
    { addressType: 'IPv4', endpoints, ports },
    { labels: { 'kubernetes.io/service-name': of } },
  );
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Of ASCII text: Node's own is not known here. */
function base64(text: string): string {
  const bits = [...text].map((character) => character.charCodeAt(0).toString(2).padStart(8, '0')).join('');
  const sextets = bits.match(/.{1,6}/g) ?? [];
  return sextets.map((sextet) => digits[Number.parseInt(sextet.padEnd(6, '0'), 2)]).join('');
}

/** The plan of the records as golden files have it: without what every cluster has. */
export function planned(records: readonly CatalogRecord[]): unknown {
  const { planner, write } = world(options);
  write(put(...records));
  return withoutUsual(planner);
}

function withoutUsual(planner: Planner): unknown {
  const { clusters, ...rest } = plain(planner) as { clusters: Readonly<Record<string, unknown>>[] };
  return { ...rest, clusters: clusters.map(withoutDefaults) };
}

function withoutDefaults(cluster: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const usual = { balance: { policy: 'round-robin' }, connectTimeoutMs: 5_000, maxConnections: 1024 };
  return Object.fromEntries(
    Object.entries(cluster).filter(([key, value]) => {
      if (key === 'outlier' || key === 'maxPendingRequests') return false;
      return JSON.stringify(value) !== JSON.stringify(usual[key as keyof typeof usual]);
    }),
  );
}
