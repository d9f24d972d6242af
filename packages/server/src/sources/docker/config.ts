import { isIPv6 } from 'node:net';

/** What the `docker:` settings say, checked. Times are milliseconds. */
export interface DockerConfig {
  readonly engine: EngineAddress;
  /** The other engines of this server, by `formatEngineAddress`: what they registered is theirs. */
  readonly others: ReadonlySet<string>;
  /** Address of every published port; undefined: where Docker bound it, or this server's `address` if that is everywhere. */
  readonly ip: string | undefined;
  /** Registers the container's own address and port instead of the published ones. */
  readonly internal: boolean;
  /** Only containers that have a `SERVICE_NAME`. */
  readonly explicit: boolean;
  /** Given to every instance, after its own: a list, or a Go template that gives one (`tagsFrom`). */
  readonly tags: string;
  /** The label whose value is the instance's address; '' for none. */
  readonly ipFromLabel: string;
  /** Everything is removed when the engine could not be reached for this long; 0: it stays. */
  readonly ttlMs: number;
  /** What happens when a container dies: always removed, or only if it ended with 0 or by a signal. */
  readonly deregister: 'always' | 'on-success';
  /** How often everything is compared anew; 0: only after each connect. */
  readonly resyncMs: number;
}

export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Folder of ca.pem, cert.pem and key.pem; absent: without TLS. */
      readonly certPath?: string;
    };

/** Docker's ports without TLS and with it. */
const plainPort = 2375;
const tlsPort = 2376;

/**
 * `unix:///var/run/docker.sock` or `tcp://host[:2375]`; with a `certPath` over TLS, and at port 2376. A string says what is wrong, as
 * the end of "docker.host …".
 */
export function parseEngineAddress(text: string, certPath = ''): EngineAddress | string {
  const wrong = `must be unix:///var/run/docker.sock, tcp://HOST:PORT or off, not "${text}"`;
  if (text.startsWith('unix:///')) {
    const path = text.slice('unix://'.length);
    return path.length > 1 && !path.includes('\0') ? { kind: 'unix', path } : wrong;
  }
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?\/?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? (certPath === '' ? plainPort : tlsPort));
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host))) return wrong;
  if (port < 1 || port > 65_535) return wrong;
  return { kind: 'tcp', host, port, ...(certPath === '' ? {} : { certPath }) };
}

/** As the user would write it: the name of this source in records and logs. */
export function formatEngineAddress(address: EngineAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `tcp://${bracketed(address.host)}:${address.port}`;
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `a,b\,c`: items between commas, an escaped comma being part of one; empty items are none. */
export function splitList(text: string): readonly string[] {
  const items = text.match(/(?:\\,|[^,])+/g) ?? [];
  return items.map((item) => item.replaceAll('\\,', ','));
}
