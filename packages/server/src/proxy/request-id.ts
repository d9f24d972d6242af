import { randomBytes } from 'node:crypto';

const acceptable = /^[A-Za-z0-9_.:=+/-]{8,128}$/;

/** Different in each process; the counter does the rest. A UUID for each request would cost four times as much. */
const prefix = randomBytes(9).toString('base64url');
let count = 0;

/** The client's `X-Request-Id` if it looks like one, else a new one, unlike any other. */
export function requestIdOf(said: string): string {
  return said !== '' && acceptable.test(said) ? said : `${prefix}-${(++count).toString(36)}`;
}
