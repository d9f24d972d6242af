import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic, Listener } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../contract.ts';
import type { GatewayContext } from './config.ts';
import { byDoor, type Door } from './door-key.ts';
import { closeDoor, type OpenDoor, openDoor } from './open-door.ts';
import { isUdpFree } from './udp/is-udp-free.ts';
import type { WorkerFleet } from './worker-fleet.ts';

/** A listener that the model asks for, and where. */
interface WantedDoor extends Bind {
  readonly name: string;
  readonly key: string;
  readonly protocol: Listener['protocol'];
}

type DoorState =
  | { readonly kind: 'open'; readonly wanted: WantedDoor; readonly id: number; readonly withdraw: () => void }
  /** Whether the port is free is being found out. */
  | { readonly kind: 'opening'; readonly wanted: WantedDoor }
  | {
      readonly kind: 'failed';
      readonly wanted: WantedDoor;
      readonly problem: string;
      readonly cancel: () => void;
    };

/** The doors that are there whatever the model says. */
export type BuiltInDoor = 'gateway' | 'gateway-tls';

const builtInProtocols: Readonly<Record<BuiltInDoor, readonly string[]>> = {
  gateway: ['http'],
  'gateway-tls': ['https', 'tls'],
};

/** A former owner of the port may still be about to leave. */
const startPatienceMs = 5_000;
const startRetryMs = 100;
/** A listener whose port is taken is tried again for as long as the model asks for it. */
const firstRetryMs = 1_000;
const slowestRetryMs = 60_000;

/** The sockets of the data plane: the built-in doors, and one for each listener that the model asks for. */
export class Doors {
  readonly #context: GatewayContext;
  readonly #fleet: WorkerFleet;
  readonly #wanted = new Map<string, DoorState>();
  readonly #opened = new Map<number, OpenDoor>();
  readonly #withdrawBuiltIn: (() => void)[] = [];
  #refused: readonly Listener[] = [];
  #nextId = 0;

  constructor(context: GatewayContext, fleet: WorkerFleet) {
    this.#context = context;
    this.#fleet = fleet;
  }

  /** Rejects with a `Fault` when the port stays taken. */
  async openBuiltIn(name: BuiltInDoor, bind: Bind): Promise<void> {
    const { clock } = this.#context;
    const giveUpMs = clock.monotonicMs() + startPatienceMs;
    for (;;) {
      try {
        const opened = this.#open(name, { kind: 'stream', key: name }, bind);
        this.#withdrawBuiltIn.push(this.#announce(name, opened.id, builtInProtocols[name]));
        return;
      } catch (thrown) {
        const fault = Fault.from(thrown);
        if (fault.code !== 'conflict' || clock.monotonicMs() >= giveUpMs) throw fault;
        await new Promise<void>((resolve) => clock.after(startRetryMs, resolve));
      }
    }
  }

  /**
   * The listeners that should be there now: opens what is missing, closes what is no longer asked for. One that takes another's place keeps
   * its socket.
   *
   * @param address of listeners that name none
   */
  want(listeners: Iterable<Listener>, address: string): void {
    const { served, refused } = byDoor(listeners);
    this.#refused = refused;
    const named = new Map(wantedDoors(served, address));
    for (const [key, state] of this.#wanted) {
      const now = named.get(key);
      if (now === undefined || now.address !== state.wanted.address) this.#close(key, state);
      else {
        named.delete(key);
        this.#renew(key, state, now);
      }
    }
    for (const wanted of named.values()) this.#start(wanted);
  }

  /** Anyone may ask for a port that is not there to be had: that is told, and does not make the gateway unready. */
  diagnostics(): readonly Diagnostic[] {
    const failed = [...this.#wanted.values()].flatMap((state) =>
      state.kind === 'failed' ? [unavailable(state.wanted, state.problem)] : [],
    );
    return [...failed, ...this.#refused.map(notServed)];
  }

  openDoors(): readonly OpenDoor[] {
    return [...this.#opened.values()];
  }

  /** The workers close theirs when they drain. */
  close(): void {
    for (const withdraw of this.#withdrawBuiltIn) withdraw();
    for (const state of this.#wanted.values()) {
      if (state.kind === 'open') state.withdraw();
      else if (state.kind === 'failed') state.cancel();
    }
    for (const door of this.#opened.values()) closeDoor(door);
    this.#opened.clear();
    this.#wanted.clear();
  }

  #start(wanted: WantedDoor, tries = 1): void {
    if (wanted.protocol === 'udp') void this.#startUdp(wanted, tries);
    else
      this.#attempt(wanted, tries, () =>
        this.#open(wanted.name, { kind: 'stream', key: wanted.key }, wanted),
      );
  }

  /** The supervisor holds no datagram socket: what came to it nobody would read. It only looks whether one can be had. */
  async #startUdp(wanted: WantedDoor, tries: number): Promise<void> {
    const { key, name, address, port } = wanted;
    this.#wanted.set(key, { kind: 'opening', wanted });
    const inherited = this.#context.inherited?.takeDatagrams(wanted) === true;
    const problem = inherited ? undefined : await isUdpFree(wanted);
    // It may be asked for no more, or have been given another name.
    const state = this.#wanted.get(key);
    if (state?.kind !== 'opening' || state.wanted.address !== address) return;
    this.#attempt(state.wanted, tries, () => {
      if (problem !== undefined) {
        const message = `listener ${name}: ${address}:${port}/udp cannot be bound (${problem}); stop who has the port`;
        throw new Fault('conflict', message);
      }
      return this.#give({ name, door: { kind: 'udp', key, address, port }, address, port, handles: [] });
    });
  }

  #attempt(wanted: WantedDoor, tries: number, open: () => { readonly id: number }): void {
    const { key, name, protocol } = wanted;
    try {
      const { id } = open();
      const withdraw = this.#announce(name, id, [protocol]);
      this.#wanted.set(key, { kind: 'open', wanted, id, withdraw });
      if (tries > 1) this.#context.log.info({ listener: name, tries }, 'the listener is open at last');
    } catch (thrown) {
      const problem = Fault.from(thrown).message;
      if (tries === 1) this.#context.log.warn({ listener: name }, problem);
      const delayMs = Math.min(slowestRetryMs, firstRetryMs * 2 ** (tries - 1));
      const cancel = this.#context.clock.after(delayMs, () =>
        this.#start(this.#wanted.get(key)?.wanted ?? wanted, tries + 1),
      );
      this.#wanted.set(key, { kind: 'failed', wanted, problem, cancel });
    }
  }

  /** The same socket, perhaps for another listener. */
  #renew(key: string, state: DoorState, wanted: WantedDoor): void {
    const { name, protocol } = state.wanted;
    if (name === wanted.name && protocol === wanted.protocol) return;
    if (state.kind !== 'open') {
      this.#wanted.set(key, { ...state, wanted });
      return;
    }
    state.withdraw();
    const withdraw = this.#announce(wanted.name, state.id, [wanted.protocol]);
    this.#wanted.set(key, { ...state, wanted, withdraw });
  }

  #close(key: string, state: DoorState): void {
    this.#wanted.delete(key);
    if (state.kind === 'failed') state.cancel();
    if (state.kind !== 'open') return;
    state.withdraw();
    this.#fleet.closeDoor(state.id);
    const door = this.#opened.get(state.id);
    this.#opened.delete(state.id);
    if (door !== undefined) closeDoor(door);
  }

  #open(name: string, door: Door, bind: Bind): { readonly id: number } {
    return this.#give(openDoor(name, door, bind, this.#fleet.size, this.#context.inherited));
  }

  #give(open: OpenDoor): { readonly id: number } {
    const id = this.#nextId++;
    this.#opened.set(id, open);
    this.#fleet.openDoor(id, open);
    return { id };
  }

  #announce(name: string, id: number, protocols: readonly string[]): () => void {
    const { address = '', port = 0 } = this.#opened.get(id) ?? {};
    return this.#context.listeners.announce({ name, address, port, protocols });
  }
}

function* wantedDoors(
  served: ReadonlyMap<string, Listener>,
  ours: string,
): Iterable<readonly [string, WantedDoor]> {
  for (const [key, { name, protocol, bind }] of served) {
    if (typeof bind === 'string') continue;
    const { address = ours, port } = bind;
    yield [key, { name, key, protocol, address, port }];
  }
}

function unavailable({ name, protocol }: WantedDoor, message: string): Diagnostic {
  const code = protocol === 'udp' ? 'udp-port-unavailable' : 'tcp-port-unavailable';
  return { severity: 'error', code, subject: `listener/${name}`, message };
}

function notServed({ name, bind }: Listener): Diagnostic {
  const where = typeof bind === 'string' ? `the door ${bind}` : `port ${bind.port}`;
  const message = `${where} is another listener's, which comes first by name: give one of them another port`;
  return { severity: 'error', code: 'listener-conflict', subject: `listener/${name}`, message };
}
