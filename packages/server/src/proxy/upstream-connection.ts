import type { ConnectGuard } from './connect-guard.ts';
import type { EndpointState } from './endpoint-state.ts';
import { BodyReader } from './http1/body-reader.ts';
import { type Channel, clearChannel } from './upstream/cluster-tls.ts';
import { openSocket } from './upstream/open-socket.ts';
import { Wire, type WireOwner } from './wire.ts';

/** Who uses an upstream connection now: an exchange, or the two ends of a tunnel. */
export interface UpstreamUser {
  onUpstreamConnected(): void;
  onUpstreamBytes(bytes: Buffer, start: number, end: number): void;
  onUpstreamEnd(): void;
  onUpstreamDrain(): void;
  onUpstreamClose(error: Error | undefined): void;
}

/** A connection's life: connecting → busy ⇄ idle → closed. */
type UpstreamState =
  | { readonly kind: 'connecting'; readonly user: UpstreamUser }
  | { readonly kind: 'busy'; readonly user: UpstreamUser }
  | { readonly kind: 'idle'; readonly untilMs: number }
  | { readonly kind: 'closed' };

const closed: UpstreamState = { kind: 'closed' };

/** One connection to one endpoint. */
export class UpstreamConnection implements WireOwner {
  readonly endpoint: EndpointState;
  readonly wire: Wire;
  /** Whether it carried a request before: then a reset may only mean that it was closed for being idle. */
  reused = false;
  /** Requests that it carried, the one under way included. */
  uses = 1;
  #state: UpstreamState;
  readonly #channel: Channel;
  #bodyReader: BodyReader | undefined;

  constructor(
    endpoint: EndpointState,
    guard: ConnectGuard,
    user: UpstreamUser,
    channel: Channel = clearChannel,
  ) {
    this.endpoint = endpoint;
    this.#channel = channel;
    this.#state = { kind: 'connecting', user };
    endpoint.busy++;
    const { address, port } = endpoint;
    this.wire =
      channel.tls === undefined
        ? Wire.connect(address, port, guard, this, () => this.#connectedInClear())
        : this.#secureWire(guard);
  }

  /** Whether it may carry what such a channel is for. */
  fits(channel: Channel): boolean {
    return this.#channel.key === channel.key && this.#channel.tls === channel.tls;
  }

  /** For the body of the response that it carries now. */
  get bodyReader(): BodyReader {
    this.#bodyReader ??= new BodyReader();
    return this.#bodyReader;
  }

  /** When an idle one is to be closed; -1 while it is not idle. */
  get idleUntilMs(): number {
    return this.#state.kind === 'idle' ? this.#state.untilMs : -1;
  }

  /** Takes it out of the pool; the pool has forgotten it. */
  use(user: UpstreamUser): void {
    this.#state = { kind: 'busy', user };
    this.reused = true;
    this.uses++;
    this.endpoint.busy++;
  }

  /** Hands it from one user to the next without a pause between. */
  handOver(user: UpstreamUser): void {
    this.#state = { kind: 'busy', user };
  }

  /** Puts it to rest; the pool keeps it from now on. */
  rest(untilMs: number): void {
    this.#leaveBusy();
    this.#state = { kind: 'idle', untilMs };
  }

  /** Drops it; its user hears nothing more. */
  destroy(): void {
    if (this.#state.kind === 'closed') return;
    this.#leaveBusy();
    this.#state = closed;
    this.wire.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#state.kind === 'busy') this.#state.user.onUpstreamBytes(bytes, start, end);
    // Octets that nobody asked for would be taken for the next answer.
    else this.#discard();
  }

  onEnd(): void {
    if (this.#state.kind === 'busy') this.#state.user.onUpstreamEnd();
    else this.#discard();
  }

  onDrain(): void {
    if (this.#state.kind === 'busy') this.#state.user.onUpstreamDrain();
  }

  onClose(error: Error | undefined): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#discard();
    if (state.kind !== 'idle') state.user.onUpstreamClose(error);
  }

  #secureWire(guard: ConnectGuard): Wire {
    const socket = openSocket(this.endpoint, this.#channel, ['http/1.1'], guard);
    socket.once('secureConnect', () => this.#connected());
    return Wire.over(socket, this);
  }

  #connectedInClear(): void {
    if (this.#channel.preface !== '') this.wire.writeText(this.#channel.preface);
    this.#connected();
  }

  #connected(): void {
    if (this.#state.kind !== 'connecting') return;
    const { user } = this.#state;
    this.#state = { kind: 'busy', user };
    user.onUpstreamConnected();
  }

  #discard(): void {
    if (this.#state.kind === 'idle') this.endpoint.forget(this);
    this.destroy();
  }

  #leaveBusy(): void {
    if (this.#state.kind === 'busy' || this.#state.kind === 'connecting') this.endpoint.busy--;
  }
}
