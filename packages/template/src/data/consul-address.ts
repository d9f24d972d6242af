import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';

/** Where a Consul (or Portolan) HTTP API is, and how to prove oneself there. */
export interface ConsulAddress {
  /** `127.0.0.1:8500`, `http://…`, `https://…` or `unix:///path`. */
  readonly address: string;
  readonly token?: string;
  /** A file that holds the token; `token` wins over it. */
  readonly tokenFile?: string;
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
  const token = tokenOf(address);
  if (token !== '') headers['x-consul-token'] = token;
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

function tokenOf({ token, tokenFile }: ConsulAddress): string {
  if (token !== undefined && token !== '') return token;
  if (tokenFile === undefined || tokenFile === '') return '';
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (thrown) {
    throw new Fault('invalid', `consul.token_file: cannot read ${tokenFile}: ${Fault.from(thrown).message}`, {
      cause: thrown,
    });
  }
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
