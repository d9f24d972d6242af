import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { BlockList, createConnection } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { Bind } from '../../contract.ts';
import { parseNetwork } from './config.ts';
import { limits } from './limits.ts';
import type { Transport } from './responder.ts';

/**
 * Sends queries on to the configured servers and nobody else, and hands back what they say. Each query has a socket of its
 * own, so a fresh port, and a random id; only an answer from the server asked, with that id and the very question, counts
 * (RFC 5452). Nothing is kept.
 */
export class Forwarder {
  readonly #upstreams: readonly Bind[];
  readonly #timeoutMs: number;
  readonly #clients: BlockList;
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();
  #first = 0;

  constructor(
    upstreams: readonly Bind[],
    timeoutMs: number,
    clientNetworks: readonly string[],
    clock: Clock,
  ) {
    this.#upstreams = upstreams;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#clients = new BlockList();
    for (const text of clientNetworks) {
      const network = parseNetwork(text);
      if (network !== undefined) this.#clients.addSubnet(network.address, network.bits, network.family);
    }
  }

  /** Whether this client's queries are forwarded at all. */
  serves(clientAddress: string): boolean {
    if (this.#upstreams.length === 0) return false;
    return this.#clients.check(clientAddress, clientAddress.includes(':') ? 'ipv6' : 'ipv4');
  }

  get inFlight(): number {
    return this.#cancels.size;
  }

  /**
   * Asks the servers one after the other, beginning with another one after each failure, until one answers. `done` is called
   * once: with the answer under the client's own id, or with undefined when none came, or too many are waiting.
   */
  forward(
    query: Buffer,
    questionEnd: number,
    transport: Transport,
    done: (response: Buffer | undefined) => void,
  ): void {
    if (this.#cancels.size >= limits.forwardsInFlight) {
      done(undefined);
      return;
    }
    this.#try(query, questionEnd, transport, this.#first, 0, done);
  }

  /** Gives up on everything that is under way. */
  close(): void {
    for (const cancel of this.#cancels) cancel();
  }

  #try(
    query: Buffer,
    questionEnd: number,
    transport: Transport,
    first: number,
    tried: number,
    done: (response: Buffer | undefined) => void,
  ): void {
    const upstream = this.#upstreams[(first + tried) % this.#upstreams.length];
    if (upstream === undefined || tried >= this.#upstreams.length) {
      done(undefined);
      return;
    }
    let settled = false;
    const asked = Buffer.from(query);
    asked.writeUInt16BE(randomInt(0x10000), 0);
    const settle = (response: Buffer | undefined, cancelled = false): void => {
      if (settled) return;
      settled = true;
      stopTimer();
      stopAsking();
      this.#cancels.delete(cancel);
      if (response !== undefined) {
        query.copy(response, 0, 0, 2);
        done(response);
      } else if (cancelled) {
        done(undefined);
      } else {
        this.#first = (first + tried + 1) % this.#upstreams.length;
        this.#try(query, questionEnd, transport, first, tried + 1, done);
      }
    };
    const cancel = (): void => settle(undefined, true);
    const stopTimer = this.#clock.after(this.#timeoutMs, () => settle(undefined));
    const isAnswer = (response: Buffer): boolean => answers(response, asked, questionEnd);
    const ask = transport === 'udp' ? askByUdp : askByTcp;
    this.#cancels.add(cancel);
    const stopAsking = ask(upstream, asked, isAnswer, settle);
  }
}

/** A response to this very query: id, question byte for byte, and none of its bits turned. */
function answers(response: Buffer, query: Buffer, questionEnd: number): boolean {
  if (response.length < questionEnd || ((response[2] ?? 0) & 0x80) === 0) return false;
  if (response[0] !== query[0] || response[1] !== query[1]) return false;
  return response.compare(query, 12, questionEnd, 12, questionEnd) === 0 && response.readUInt16BE(4) === 1;
}

type Ask = (
  upstream: Bind,
  query: Buffer,
  isAnswer: (response: Buffer) => boolean,
  settle: (response: Buffer | undefined) => void,
) => () => void;

const askByUdp: Ask = (upstream, query, isAnswer, settle) => {
  const socket = createSocket(upstream.address.includes(':') ? 'udp6' : 'udp4');
  let open = true;
  socket.on('error', () => settle(undefined));
  socket.on('message', (response) => {
    if (isAnswer(response)) settle(response);
  });
  // Connected: the kernel drops what others send here.
  socket.connect(upstream.port, upstream.address, () => {
    if (open) socket.send(query);
  });
  return () => {
    open = false;
    socket.close();
  };
};

const askByTcp: Ask = (upstream, query, isAnswer, settle) => {
  const socket = createConnection({ host: upstream.address, port: upstream.port });
  let received: Buffer = Buffer.alloc(0);
  socket.on('error', () => settle(undefined));
  socket.on('close', () => settle(undefined));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const response = Buffer.from(received.subarray(2, 2 + received.readUInt16BE(0)));
    settle(isAnswer(response) ? response : undefined);
  });
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(query.length, 0);
  socket.write(Buffer.concat([prefix, query]));
  return () => socket.destroy();
};
