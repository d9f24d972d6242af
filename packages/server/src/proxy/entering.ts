import type { Plane } from './plane.ts';
import { maxProxyHeaderBytes, type ProxyHeader, readProxyHeader } from './proxy-protocol/read.ts';
import type { Swept } from './sweeper.ts';
import { alertRecord, type ClientHello, maxHelloWireBytes, readClientHello } from './tls/client-hello.ts';
import { noOwner, type TcpHandle, Wire, type WireOwner } from './wire.ts';

/** What was read before a connection's own protocol begins. */
export interface Entered {
  /** Nobody's: whoever takes it sets its owner in the same turn. */
  readonly wire: Wire;
  /** Octets after the PROXY protocol header; the ClientHello is among them. Undefined: none. */
  readonly ahead: Buffer | undefined;
  readonly proxy: ProxyHeader | undefined;
  readonly hello: ClientHello | undefined;
  /** When the client must be through, monotonic. */
  readonly deadlineMs: number;
}

export type EntryRefusal = 'proxy-protocol-header' | 'tls-client-hello' | 'entry-timeout' | 'entry-overflow';

export interface Entry {
  readonly proxyProtocol: boolean;
  readonly tls: boolean;
  readonly onEntered: (entered: Entered) => void;
  /** Called once, also when the client just left: then without a reason. */
  readonly onRefused: (reason: EntryRefusal | undefined) => void;
}

/** A connection of which a PROXY protocol header, a ClientHello or both have to come first. What it may hold and how long it may take is bounded. */
export class Entering implements WireOwner, Swept {
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #entry: Entry;
  readonly #wire: Wire;
  readonly #deadlineMs: number;
  readonly #maxBytes: number;
  #held: Buffer | undefined;
  #proxy: ProxyHeader | undefined;
  #over = false;

  constructor(plane: Plane, handle: TcpHandle, entry: Entry) {
    this.#plane = plane;
    this.#entry = entry;
    this.#wire = Wire.accept(handle, this);
    this.#deadlineMs = plane.clock.monotonicMs() + plane.limits.handshakeTimeoutMs;
    this.#maxBytes = (entry.proxyProtocol ? maxProxyHeaderBytes : 0) + (entry.tls ? maxHelloWireBytes : 0);
    plane.sweeper.add(this);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end);
    const held = this.#held === undefined ? Buffer.from(piece) : Buffer.concat([this.#held, piece]);
    this.#held = held;
    const { counters, limits } = this.#plane;
    counters.aheadBytes += piece.length;
    const at = this.#readProxy(held);
    if (at === undefined) return;
    const rest = held.subarray(at);
    const hello = this.#readHello(rest);
    if (hello !== undefined) this.#enter(rest, hello);
    // Many may come with a part of a ClientHello each, and wait: what they hold has one limit with all that came before its turn.
    else if (counters.aheadBytes > limits.maxAheadBytes) this.#leave('entry-overflow');
  }

  onEnd(): void {
    this.#leave(undefined);
  }

  onDrain(): void {}

  onClose(): void {
    this.#leave(undefined);
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#leave('entry-timeout');
  }

  destroy(): void {
    this.#leave(undefined);
  }

  /** Where the header ends; 0 where there need not be one. */
  #readProxy(held: Buffer): number | undefined {
    if (!this.#entry.proxyProtocol) return 0;
    if (this.#proxy !== undefined) return this.#proxy.length;
    const header = readProxyHeader(held, held.length);
    if (header?.type === 'header') {
      this.#proxy = header;
      return header.length;
    }
    if (header !== undefined || held.length > this.#maxBytes) this.#leave('proxy-protocol-header');
    return undefined;
  }

  /** Null: none has to come. */
  #readHello(rest: Buffer): ClientHello | null | undefined {
    if (!this.#entry.tls) return null;
    const hello = readClientHello(rest, rest.length);
    if (hello?.type === 'hello') return hello;
    if (hello !== undefined) this.#wire.writeText(alertRecord(hello.alert).toString('latin1'));
    if (hello !== undefined || rest.length > this.#maxBytes) this.#leave('tls-client-hello');
    return undefined;
  }

  #enter(rest: Buffer, hello: ClientHello | null): void {
    this.#end();
    const ahead = rest.length === 0 ? undefined : rest;
    const { onEntered } = this.#entry;
    onEntered({
      ...{ wire: this.#wire, ahead, proxy: this.#proxy, deadlineMs: this.#deadlineMs },
      hello: hello ?? undefined,
    });
  }

  #leave(reason: EntryRefusal | undefined): void {
    if (this.#over) return;
    this.#end();
    // What was written, an alert, goes out; a client that does not take it is not waited for.
    this.#wire.end();
    this.#wire.destroy();
    this.#entry.onRefused(reason);
  }

  #end(): void {
    this.#over = true;
    this.#plane.counters.aheadBytes -= this.#held?.length ?? 0;
    this.#held = undefined;
    this.#wire.owner = noOwner;
    this.#plane.sweeper.remove(this);
  }
}
