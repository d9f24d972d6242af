import { defaultNamespace } from '../catalog/records.ts';

/** `<namespace>/<name>`: how a `CatalogDelta` names a service. A namespace holds no `/`, a service's name may. */
export type ServiceKey = string;

export function splitServiceKey(key: ServiceKey): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * What people read in metrics and dumps: the plain name in the default namespace, `<namespace>/<name>` elsewhere. `:`, `#` and `~`
 * are escaped: what follows one in a cluster's name is the rules' (`reviews:9080#v1`).
 */
export function clusterNameOf(namespace: string, name: string): string {
  const plain = namespace === defaultNamespace && !name.includes('/');
  return escaped(plain ? name : `${namespace}/${name}`);
}

/** The service whose cluster has the name. Undefined: it is not a registered service's. */
export function serviceKeyOf(clusterName: string): ServiceKey | undefined {
  if (/[:#~]/.test(clusterName)) return undefined;
  const name = clusterName.replaceAll(/%([0-9A-F]{2})/g, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return name.includes('/') ? name : `${defaultNamespace}/${name}`;
}

const mustEscape = /[%:#~]/;

function escaped(name: string): string {
  return mustEscape.test(name) ? name.replaceAll(/[%:#~]/g, encodeOne) : name;
}

function encodeOne(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** RFC 1123 §2.1: letters, digits and inner hyphens, at most 63 octets. */
const hostLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 1035 §2.3.4, in text form without the last dot. */
const maxHostLength = 253;

/**
 * Where a service tagged `http` is served: `<service>.<domain>`, lower case, and `<service>.<namespace>.<domain>` outside
 * the default namespace. Dots in a name stay dots. Undefined: the name cannot be part of a host name.
 */
export function hostOf(namespace: string, name: string, gatewayDomain: string): string | undefined {
  const inNamespace = namespace === defaultNamespace ? name : `${name}.${namespace}`;
  const prefix = inNamespace.toLowerCase();
  if (!prefix.split('.').every((label) => hostLabel.test(label))) return undefined;
  const host = gatewayDomain === '' ? prefix : `${prefix}.${gatewayDomain}`;
  return host.length > maxHostLength ? undefined : host;
}

const nameWithPort = /^.+-(0|[1-9][0-9]*)$/;

/** The port that a service tagged `tcp` asks for by its name: `mysql-3306`. */
export type WantedPort =
  | { readonly type: 'port'; readonly port: number }
  | { readonly type: 'none' }
  | { readonly type: 'out-of-range'; readonly text: string };

export function wantedPortOf(name: string): WantedPort {
  const text = nameWithPort.exec(name)?.[1];
  if (text === undefined) return { type: 'none' };
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? { type: 'port', port } : { type: 'out-of-range', text };
}
