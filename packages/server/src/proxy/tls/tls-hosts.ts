import { constants, createHash, hkdfSync } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Certificate, TlsAction, TlsHost } from '@portolan/core/traffic/model.ts';
import { CertificateBook } from './certificate-book.ts';
import { ServerNames } from './server-names.ts';

export type Terminate = Extract<TlsAction, { type: 'terminate' }>;
export type ClientAuth = NonNullable<Terminate['clientAuth']>;

interface Tables {
  readonly tlsHosts: ReadonlyMap<string, TlsHost>;
  readonly certificates: ReadonlyMap<string, Certificate>;
}

/** Contexts that are kept for one host: one for each set of its certificates that a server name selects. */
const maxContexts = 1_000;
/** Long enough to matter, and a stolen ticket is soon of no use. */
const sessionSeconds = 7_200;

/** The TLS hosts of the model, by table and server name, and their contexts. A context is made when it is first asked for. */
export class TlsHosts {
  readonly #tables: Tables;
  readonly #book = new CertificateBook();
  #byTable: Map<string, ServerNames<TlsHost>> | undefined;
  #contexts = new WeakMap<TlsHost, Map<string, SecureContext | undefined>>();
  #ticketSecret: Uint8Array;

  /** @param ticketSecret session tickets are sealed with keys that come from it: what shares it resumes each other's sessions */
  constructor(tables: Tables, ticketSecret: Uint8Array) {
    this.#tables = tables;
    this.#ticketSecret = ticketSecret;
  }

  /** The model's tables have changed. */
  changed(): void {
    this.#byTable = undefined;
    this.#contexts = new WeakMap();
  }

  /** From now on tickets are sealed anew; older ones are not opened any more, and their clients shake hands in full. */
  useTicketSecret(secret: Uint8Array): void {
    this.#ticketSecret = secret;
    this.#contexts = new WeakMap();
  }

  find(table: string, serverName: string): TlsHost | undefined {
    this.#byTable ??= byTable(this.#tables.tlsHosts.values());
    return this.#byTable.get(table)?.find(serverName);
  }

  /** Undefined: it has no certificate that OpenSSL can use. */
  contextOf(host: TlsHost, action: Terminate, serverName: string): SecureContext | undefined {
    const certificates = action.certificates.flatMap((name) => this.#tables.certificates.get(name) ?? []);
    const chosen = this.#book.choose(certificates, serverName);
    const key = chosen.map(({ name }) => name).join('\n');
    let contexts = this.#contexts.get(host);
    if (contexts === undefined || contexts.size >= maxContexts) {
      contexts = new Map();
      this.#contexts.set(host, contexts);
    }
    if (!contexts.has(key)) contexts.set(key, makeBestContext(host, action, chosen, this.#ticketSecret));
    return contexts.get(key);
  }
}

/** A key that is not its certificate's must not take the host's other certificates away. */
function makeBestContext(
  host: TlsHost,
  action: Terminate,
  certificates: readonly Certificate[],
  secret: Uint8Array,
): SecureContext | undefined {
  for (const usable of [certificates, certificates.filter(isPair)]) {
    try {
      if (usable.length > 0) return makeContext(host, action, usable, secret);
    } catch {
      // Of a bad certificate the model's diagnostics tell; here it only must not do harm.
    }
  }
  return undefined;
}

function makeContext(
  host: TlsHost,
  action: Terminate,
  certificates: readonly Certificate[],
  secret: Uint8Array,
): SecureContext {
  const identity = identityOf(host, action);
  const depthMatters = action.clientAuth?.maxDepth !== undefined;
  return createSecureContext({
    cert: certificates.map(({ chain }) => chain),
    key: certificates.map(({ key }) => key),
    ...(action.clientAuth === undefined ? {} : { ca: action.clientAuth.ca }),
    minVersion: action.minVersion ?? 'TLSv1.2',
    honorCipherOrder: true,
    // Of the chain that its depth is of a resumed session knows nothing.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (depthMatters ? constants.SSL_OP_NO_TICKET : 0),
    // A session of one host is never one of another: it may have been made without the certificate that this one demands.
    sessionIdContext: identity,
    sessionTimeout: sessionSeconds,
    ticketKeys: Buffer.from(hkdfSync('sha256', secret, identity, 'portolan session tickets', 48)),
  });
}

function isPair({ chain, key }: Certificate): boolean {
  try {
    createSecureContext({ cert: chain, key });
    return true;
  } catch {
    return false;
  }
}

/** What must be the same for a session to be resumed: the host, and whom it asks who the client is. At most 32 characters. */
function identityOf(host: TlsHost, { clientAuth }: Terminate): string {
  const told = JSON.stringify([host.table, host.name, clientAuth ?? null]);
  return createHash('sha256').update(told).digest('hex').slice(0, 32);
}

/** Of two hosts that want one name, the first by name has it. */
function byTable(hosts: Iterable<TlsHost>): Map<string, ServerNames<TlsHost>> {
  const tables = new Map<string, ServerNames<TlsHost>>();
  for (const host of [...hosts].sort((left, right) => (left.name < right.name ? -1 : 1))) {
    let names = tables.get(host.table);
    if (names === undefined) {
      names = new ServerNames();
      tables.set(host.table, names);
    }
    for (const name of host.serverNames) names.add(name, host);
  }
  return tables;
}

/** Whether a request for what `asked` serves may come on a connection that `shown` took: the same demands on who the client is. */
export function mayShare(shown: TlsHost, asked: TlsHost): boolean {
  if (shown.name === asked.name) return true;
  if (shown.action.type !== 'terminate' || asked.action.type !== 'terminate') return false;
  return JSON.stringify(shown.action.clientAuth ?? null) === JSON.stringify(asked.action.clientAuth ?? null);
}
