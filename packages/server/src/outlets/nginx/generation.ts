import { get } from 'node:http';
import { isIP } from 'node:net';
import type { Random } from '@portolan/core/base/clock.ts';
import type { Bind } from '../../contract.ts';
import { generationHost, generationPath } from './translate-http.ts';

const timeoutMs = 2_000;
/** A generation is 41 characters; somebody else may answer on that port. */
const maxAnswerChars = 64;

/**
 * Which configuration the worker runs that takes this connection. Undefined: nobody answers there, or somebody who is not fed by us.
 */
export function askGeneration(listen: Bind): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({
      host: reachable(listen.address),
      port: listen.port,
      path: generationPath,
      headers: { host: generationHost },
      // A connection of its own: an old worker keeps those that it has.
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    });
    request.on('error', () => resolve(undefined));
    request.on('response', (response) => {
      let said = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        said += chunk;
        if (said.length > maxAnswerChars) response.destroy();
      });
      response.on('error', () => resolve(undefined));
      response.on('close', () =>
        resolve(response.statusCode === 200 && isGeneration(said) ? said : undefined),
      );
    });
  });
}

/** A generation for what has this hash, unlike every other. */
export function newGeneration(hash: string, random: Random): string {
  const unique = Math.floor(random() * 2 ** 32);
  return `${hash}-${unique.toString(16).padStart(8, '0')}`;
}

/** What it is a generation of. */
export function hashOf(generation: string): string {
  return generation.split('-', 1)[0] ?? '';
}

function isGeneration(said: string): boolean {
  return /^[0-9a-f]{32}-[0-9a-f]{8}$/.test(said);
}

/** An address that means all of them is reached by loopback. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return isIP(address) === 6 && /^[0:]+$/.test(address) ? '::1' : address;
}
