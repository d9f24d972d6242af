import { randomUUID } from 'node:crypto';

const acceptable = /^[A-Za-z0-9_.:=+/-]{8,128}$/;

/** The client's `X-Request-Id` if it looks like one, else a new one (UUID version 4, as Envoy's). */
export function requestIdOf(said: string): string {
  return said !== '' && acceptable.test(said) ? said : randomUUID();
}
