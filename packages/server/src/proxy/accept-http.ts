import { edgeTable } from '@portolan/core/traffic/route.ts';
import type { Accepted } from './accepted.ts';
import { Downstream } from './downstream.ts';
import { acceptHttp2 } from './http2/client-session.ts';
import type { Plane } from './plane.ts';
import { type TcpHandle, Wire, type WireOwner } from './wire.ts';

/** Takes a connection, in clear, that was just accepted: HTTP/1, or HTTP/2 by prior knowledge. */
export function acceptPlainHttp(plane: Plane, handle: TcpHandle, table: string): void {
  new Downstream(
    plane,
    (owner) => Wire.accept(handle, owner),
    table === edgeTable ? plainEdge : { table, scheme: 'http' },
  );
}

/** Takes a connection that somebody else has opened: HTTP/2 where its TLS agreed upon that, else as in clear. */
export function acceptHttp(plane: Plane, accepted: Accepted): void {
  const { wire, ahead } = accepted;
  if (accepted.tls?.alpn === 'h2') {
    acceptHttp2(plane, wire.release(ahead), accepted);
    return;
  }
  const open = (owner: WireOwner): Wire => {
    wire.owner = owner;
    return wire;
  };
  const downstream = new Downstream(plane, open, accepted);
  if (ahead !== undefined) downstream.onBytes(ahead, 0, ahead.length);
}

const plainEdge = { table: edgeTable, scheme: 'http' } as const;
