import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';

/** Where a Consul (or Portolan) HTTP API is, and how to prove oneself there. */
export interface ConsulAddress {
  /** `127.0.0.1:8500`, `http://…`, `https://…` or `unix:///path`. */
  readonly address: string;
  readonly token?: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly serverName?: string;
    readonly verify?: boolean;
  };
}

export interface Endpoint {
  readonly secure: boolean;
  readonly options: RequestOptions;
}

/** The options of every request to `address`. Throws an `invalid` fault for an address of another form. */
export function endpointOf(address: ConsulAddress): Endpoint {
  const headers: Record<string, string> = {};
  if (address.token !== undefined && address.token !== '') headers['x-consul-token'] = address.token;
  const auth =
    address.username === undefined || address.username === ''
      ? {}
      : { auth: `${address.username}:${address.password ?? ''}` };
  if (address.address.startsWith('unix://')) {
    return {
      secure: false,
      options: { socketPath: address.address.slice('unix://'.length), headers, ...auth },
    };
  }
  const url = parsed(address.address);
  const secure = url.protocol === 'https:';
  return {
    secure,
    options: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      headers,
      ...auth,
      ...(secure ? tlsOptions(address.tls ?? {}) : {}),
    },
  };
}

function parsed(address: string): URL {
  const text = /^https?:\/\//.test(address) ? address : `http://${address}`;
  try {
    return new URL(text);
  } catch (thrown) {
    throw new Fault(
      'invalid',
      `consul address ${JSON.stringify(address)} is not HOST:PORT, a URL or unix://PATH`,
      { cause: thrown },
    );
  }
}

function tlsOptions(tls: NonNullable<ConsulAddress['tls']>): Record<string, unknown> {
  return {
    ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    rejectUnauthorized: tls.verify ?? true,
  };
}
