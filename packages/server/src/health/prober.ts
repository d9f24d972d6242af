import type { Probe } from '@portolan/core/catalog/records.ts';
import type { Dialer } from './dial.ts';
import type { Prober } from './probe.ts';
import { grpcProber } from './probe-grpc.ts';
import { h2pingProber } from './probe-h2ping.ts';
import { httpProber } from './probe-http.ts';
import { tcpProber } from './probe-tcp.ts';
import { udpProber } from './probe-udp.ts';

/** A probe that asks. TTL checks do not: their owner tells; nor do aliases: the catalog knows. */
export type AskingProbe = Exclude<Probe, { type: 'ttl' | 'alias' }>;

/** The prober of a definition. Total: a definition that makes no sense is critical, and says why. */
export function proberOf(probe: AskingProbe, dialer: Dialer): Prober {
  switch (probe.type) {
    case 'http':
      return httpProber(probe, dialer);
    case 'tcp':
      return tcpProber(probe, dialer);
    case 'grpc':
      return grpcProber(probe, dialer);
    case 'h2ping':
      return h2pingProber(probe, dialer);
    case 'udp':
      return udpProber(probe, dialer);
  }
}
