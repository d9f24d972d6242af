import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../contract.ts';
import type { GatewayContext } from './config.ts';
import type { Door } from './data-plane.ts';
import { closeDoor, type OpenDoor, openDoor } from './open-door.ts';
import type { WorkerFleet } from './worker-fleet.ts';

/** A TCP listener that the model asks for. */
export interface WantedDoor extends Bind {
  readonly name: string;
}

type DoorState =
  | { readonly kind: 'open'; readonly wanted: WantedDoor; readonly id: number; readonly withdraw: () => void }
  | {
      readonly kind: 'failed';
      readonly wanted: WantedDoor;
      readonly problem: string;
      readonly cancel: () => void;
    };

/** A former owner of the port may still be about to leave. */
const startPatienceMs = 5_000;
const startRetryMs = 100;
/** A TCP listener whose port is taken is tried again for as long as the model asks for it. */
const firstRetryMs = 1_000;
const slowestRetryMs = 60_000;

/** The sockets of the data plane: the HTTP listener, and a TCP listener for each that the model asks for. */
export class Doors {
  readonly #context: GatewayContext;
  readonly #fleet: WorkerFleet;
  readonly #tcp = new Map<string, DoorState>();
  readonly #opened = new Map<number, OpenDoor>();
  #withdrawHttp: (() => void) | undefined;
  #nextId = 0;

  constructor(context: GatewayContext, fleet: WorkerFleet) {
    this.#context = context;
    this.#fleet = fleet;
  }

  /** Rejects with a `Fault` when the port stays taken. */
  async openHttp(bind: Bind): Promise<void> {
    const { clock } = this.#context;
    const giveUpMs = clock.monotonicMs() + startPatienceMs;
    for (;;) {
      try {
        this.#withdrawHttp = this.#open('gateway', { kind: 'http' }, bind, ['http']).withdraw;
        return;
      } catch (thrown) {
        const fault = Fault.from(thrown);
        if (fault.code !== 'conflict' || clock.monotonicMs() >= giveUpMs) throw fault;
        await new Promise<void>((resolve) => clock.after(startRetryMs, resolve));
      }
    }
  }

  /** The TCP listeners that should be there now: opens what is missing, closes what is no longer asked for. */
  want(wanted: readonly WantedDoor[]): void {
    const named = new Map(wanted.map((door) => [door.name, door]));
    for (const [name, state] of this.#tcp) {
      const still = named.get(name);
      if (still !== undefined && still.port === state.wanted.port && still.address === state.wanted.address) {
        named.delete(name);
      } else {
        this.#closeTcp(name, state);
      }
    }
    for (const door of named.values()) this.#openTcp(door);
  }

  /** Anyone may ask for a port that is not there to be had: that is told, and does not make the gateway unready. */
  diagnostics(): readonly Diagnostic[] {
    return [...this.#tcp.values()].flatMap((state) => (state.kind === 'failed' ? [unavailable(state)] : []));
  }

  /** The workers close theirs when they drain. */
  close(): void {
    this.#withdrawHttp?.();
    for (const state of this.#tcp.values()) {
      if (state.kind === 'open') state.withdraw();
      else state.cancel();
    }
    for (const door of this.#opened.values()) closeDoor(door);
    this.#opened.clear();
    this.#tcp.clear();
  }

  #openTcp(wanted: WantedDoor, tries = 1): void {
    try {
      const opened = this.#open(wanted.name, { kind: 'tcp', listener: wanted.name }, wanted, ['tcp']);
      this.#tcp.set(wanted.name, { kind: 'open', wanted, ...opened });
      if (tries > 1) this.#context.log.info({ listener: wanted.name, tries }, 'the listener is open at last');
    } catch (thrown) {
      const problem = Fault.from(thrown).message;
      if (tries === 1) this.#context.log.warn({ listener: wanted.name }, problem);
      const delayMs = Math.min(slowestRetryMs, firstRetryMs * 2 ** (tries - 1));
      const cancel = this.#context.clock.after(delayMs, () => this.#openTcp(wanted, tries + 1));
      this.#tcp.set(wanted.name, { kind: 'failed', wanted, problem, cancel });
    }
  }

  #closeTcp(name: string, state: DoorState): void {
    this.#tcp.delete(name);
    if (state.kind === 'failed') {
      state.cancel();
      return;
    }
    state.withdraw();
    this.#fleet.closeDoor(state.id);
    const door = this.#opened.get(state.id);
    this.#opened.delete(state.id);
    if (door !== undefined) closeDoor(door);
  }

  #open(
    name: string,
    door: Door,
    bind: Bind,
    protocols: readonly string[],
  ): { readonly id: number; readonly withdraw: () => void } {
    const open = openDoor(name, door, bind, this.#fleet.size);
    const id = this.#nextId++;
    this.#opened.set(id, open);
    this.#fleet.openDoor(id, open);
    const { address, port } = open;
    return { id, withdraw: this.#context.listeners.announce({ name, address, port, protocols }) };
  }
}

function unavailable(state: DoorState & { kind: 'failed' }): Diagnostic {
  return {
    severity: 'error',
    code: 'tcp-port-unavailable',
    subject: `listener/${state.wanted.name}`,
    message: state.problem,
  };
}
