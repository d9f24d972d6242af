import { type Handler, localJson } from './call.ts';

/** Consul's port for its servers among themselves. Nothing listens there; clients only want to see that there is a leader. */
const serverPort = 8300;

/** `GET /v1/status/leader`: '' while the store cannot be reached. */
export const leader: Handler = (call) => {
  const { engine, identity } = call.context;
  return localJson(call, engine.view.stale === undefined ? hostPort(identity.address) : '');
};

/** `GET /v1/status/peers` */
export const peers: Handler = (call) => localJson(call, [hostPort(call.context.identity.address)]);

/** An address with the port that Consul servers have for one another. */
export function hostPort(address: string): string {
  return address.includes(':') ? `[${address}]:${serverPort}` : `${address}:${serverPort}`;
}
