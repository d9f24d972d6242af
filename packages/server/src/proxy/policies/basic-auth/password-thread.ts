import { parentPort } from 'node:worker_threads';
import type { PasswordHash } from './password-hash.ts';
import { verifyPassword } from './verify-password.ts';

/** A question for the thread, and its answer under the same number. */
export interface PasswordQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: PasswordHash;
}

export interface PasswordAnswer {
  readonly id: number;
  readonly right: boolean;
}

parentPort?.on('message', ({ id, password, hash }: PasswordQuestion) => {
  parentPort?.postMessage({ id, right: verifyPassword(password, hash) } satisfies PasswordAnswer);
});
