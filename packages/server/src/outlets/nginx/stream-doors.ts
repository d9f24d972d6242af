import type { Listener, TrafficModel } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';

/** A port that nginx is to open beside its own: for TCP, TLS, UDP, or HTTP of another table. */
export interface OwnDoor {
  readonly listener: Listener;
  readonly transport: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** `tcp 127.0.0.1:3306`. */
  readonly key: string;
}

/** The listeners that have a port of their own, by name. Without an address it is that of nginx.listen. */
export function ownDoors({ listeners }: Pick<TrafficModel, 'listeners'>, listen: Bind): readonly OwnDoor[] {
  const sorted = [...listeners.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return sorted.flatMap((listener) => {
    if (typeof listener.bind === 'string') return [];
    const transport = listener.protocol === 'udp' ? 'udp' : 'tcp';
    const { address = listen.address, port } = listener.bind;
    return [{ listener, transport, address, port, key: doorKey(transport, address, port) }] as const;
  });
}

export function doorKey(transport: 'tcp' | 'udp', address: string, port: number): string {
  return `${transport} ${address}:${port}`;
}
