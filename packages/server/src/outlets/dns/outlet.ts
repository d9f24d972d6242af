import type { RemoteInfo } from 'node:dgram';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import type { Context, Part } from '../../contract.ts';
import { isReverseName } from './address.ts';
import { AnswerCache } from './answer-cache.ts';
import { anyRule } from './cluster/translate.ts';
import type { DnsConfig } from './config.ts';
import { CatalogDirectory } from './directory.ts';
import { Forwarder } from './forwarder.ts';
import { limits } from './limits.ts';
import { rcode } from './message.ts';
import { RateLimit } from './rate-limit.ts';
import { outside, Responder, silence } from './responder.ts';
import { TcpDoor } from './tcp-door.ts';
import { UdpDoor } from './udp-door.ts';
import { createZone } from './zone.ts';

/** With port 0, TCP's free port may be taken for UDP: then the next. */
const bindTries = 10;

/** Answers DNS queries about the catalog by UDP and TCP. Rejects at `start` when the address cannot be bound. */
export function dnsOutlet(context: Context, config: DnsConfig): Part {
  return new DnsOutlet(context, config);
}

class DnsOutlet implements Part {
  readonly name = 'dns';
  readonly #context: Context;
  readonly #config: DnsConfig;
  readonly #cache = new AnswerCache();
  readonly #directory: CatalogDirectory;
  readonly #responder: Responder;
  readonly #forwarder: Forwarder;
  readonly #rateLimit: RateLimit | undefined;
  readonly #out = Buffer.alloc(limits.tcpMessageBytes);
  #udp: UdpDoor | undefined;
  #tcp: TcpDoor | undefined;
  #unsubscribe: () => void = () => {};
  #unannounce: () => void = () => {};

  constructor(context: Context, config: DnsConfig) {
    const { engine, identity, random, clock } = context;
    this.#context = context;
    this.#config = config;
    this.#directory = new CatalogDirectory(() => engine.view);
    this.#responder = new Responder({
      directory: this.#directory,
      zone: createZone(config, identity.datacenter, identity.address),
      cache: this.#cache,
      config,
      random,
      isTooStale: () => {
        const { stale } = engine.view;
        return stale !== undefined && clock.monotonicMs() - stale.sinceMonotonicMs > config.maxStaleMs;
      },
    });
    this.#forwarder = new Forwarder(config.forwarders, config.forwardTimeoutMs, config.forwardFor, clock);
    if (config.responsesPerSecond > 0) this.#rateLimit = new RateLimit(config.responsesPerSecond, clock);
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#context.engine.subscribe((delta, traffic) => this.#forget(delta, traffic));
    const { address } = this.#config.listen;
    const port = await this.#bind(address, this.#config.listen.port);
    const protocols = ['dns/udp', 'dns/tcp'];
    this.#unannounce = this.#context.listeners.announce({ name: this.name, address, port, protocols });
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#unannounce();
    this.#tcp?.stopAccepting();
    // Only forwarded queries can be under way: all others are answered at once.
    const { clock } = this.#context;
    const giveUpAt = clock.monotonicMs() + deadlineMs;
    while (this.#forwarder.inFlight > 0 && clock.monotonicMs() < giveUpAt) {
      await new Promise<void>((resolve) => clock.after(10, resolve));
    }
    this.#forwarder.close();
    this.#unsubscribe();
    await Promise.all([this.#udp?.close(), this.#tcp?.close()]);
  }

  readiness(): readonly string[] {
    return this.#udp === undefined ? ['dns: not bound yet'] : [];
  }

  async #bind(address: string, wanted: number): Promise<number> {
    for (let tried = 1; ; tried++) {
      const tcp = new TcpDoor(this.#context.clock, (query, client, reply) =>
        this.#onTcp(query, client, reply),
      );
      const udp = new UdpDoor(
        address.includes(':') ? 'udp6' : 'udp4',
        (packet, from) => this.#onUdp(packet, from),
        (error) => this.#context.log.debug({ error }, 'dns: a datagram could not be sent'),
      );
      try {
        const port = await tcp.listen(address, wanted);
        await udp.bind(address, port);
        this.#tcp = tcp;
        this.#udp = udp;
        return port;
      } catch (error) {
        await Promise.all([tcp.close(), udp.close()]);
        if (wanted !== 0 || tried === bindTries) throw bindFault(address, wanted, error);
      }
    }
  }

  #forget(delta: CatalogDelta, traffic: TrafficDelta): void {
    for (const service of delta.services) this.#cache.dropService(foldedNameOf(service));
    for (const node of delta.nodes) this.#cache.dropNode(node);
    for (const cluster of traffic.clusters) this.#cache.dropTraffic(cluster);
    this.#directory.clustersChanged(traffic.clusters);
    if (delta.rules) this.#cache.dropTraffic(anyRule);
    this.#directory.changed(delta.nodes, delta.nodeList);
  }

  #onUdp(packet: Buffer, from: RemoteInfo): void {
    const length = this.#respond(packet, 'udp');
    if (length === silence) return;
    if (length === outside) {
      this.#forward(packet, 'udp', from.address, (response) =>
        this.#udp?.send(response, response.length, from),
      );
      return;
    }
    const allowed = this.#limited(packet, length, from.address);
    if (allowed !== silence) this.#udp?.send(this.#out, allowed, from);
  }

  #onTcp(query: Buffer, clientAddress: string, reply: (response: Buffer | undefined) => void): void {
    const length = this.#respond(query, 'tcp');
    if (length === silence) reply(undefined);
    else if (length !== outside) reply(this.#out.subarray(0, length));
    else this.#forward(query, 'tcp', clientAddress, reply);
  }

  #respond(packet: Buffer, transport: 'udp' | 'tcp'): number {
    try {
      return this.#responder.respond(packet, transport, this.#out);
    } catch (error) {
      this.#context.log.error({ error }, 'dns: a query could not be answered');
      return this.#responder.refuse(packet, rcode.serverFailure, this.#out);
    }
  }

  #limited(packet: Buffer, length: number, clientAddress: string): number {
    if (this.#rateLimit === undefined) return length;
    const verdict = this.#rateLimit.take(clientAddress, this.#responder.query.cacheKey());
    if (verdict === 'send') return length;
    return verdict === 'slip' ? this.#responder.truncate(packet, this.#out) : silence;
  }

  #forward(
    packet: Buffer,
    transport: 'udp' | 'tcp',
    client: string,
    reply: (response: Buffer) => void,
  ): void {
    const { query } = this.#responder;
    const refuse = (code: number): void => {
      const length = this.#responder.refuse(packet, code, this.#out);
      reply(this.#out.subarray(0, length));
    };
    if (!query.recursionDesired || !this.#forwarder.serves(client)) {
      // Consul's answer for an address that nobody has; a resolver that forwards a reverse zone here can use no other.
      refuse(isReverseName(query.name()) ? rcode.nameError : rcode.refused);
      return;
    }
    const room =
      transport === 'tcp' ? limits.tcpMessageBytes : Math.max(query.udpBytes, limits.plainUdpBytes);
    this.#forwarder.forward(packet, query.questionEnd, transport, (response) => {
      if (response !== undefined && response.length <= room) {
        reply(response);
        return;
      }
      // Other queries were read since: read this one again.
      query.read(packet);
      if (response === undefined) refuse(rcode.serverFailure);
      else reply(this.#out.subarray(0, this.#responder.truncate(packet, this.#out)));
    });
  }
}

function foldedNameOf(service: string): string {
  return service.slice(service.indexOf('/') + 1).toLowerCase();
}

function bindFault(address: string, port: number, cause: unknown): Fault {
  const reason = cause instanceof Error && 'code' in cause ? cause.code : cause;
  const text = `listener dns: ${address}:${port} cannot be bound (${reason}); --listen dns=ADDR:PORT moves it`;
  return new Fault('unavailable', text, { cause });
}
