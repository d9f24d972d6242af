import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { int, text } from '../arguments.ts';
import { type Definition, exactly, limit } from './define.ts';

const digits = '0123456789';
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ascii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');

/** More random characters than this nobody needs at once. */
const maxRandom = 1_000_000;

/** From the system's generator and not from one that is passed in: people make passwords with these. */
export const randomFunctions: readonly Definition[] = [
  ['randAlphaNum', drawn(letters + digits)],
  ['randAlpha', drawn(letters)],
  ['randNumeric', drawn(digits)],
  ['randAscii', drawn(ascii)],
  ['randInt', exactly(2, (low, high) => between(int(low), int(high)))],
  ['randBytes', exactly(1, (size) => randomBytes(checked(int(size))).toString('base64'))],
  ['uuidv4', exactly(0, () => randomUUID())],
  ['shuffle', exactly(1, (subject) => shuffled([...text(subject)]).join(''))],
];

function drawn(alphabet: string): Definition[1] {
  return exactly(1, (size) =>
    Array.from({ length: checked(int(size)) }, () => alphabet[randomInt(alphabet.length)]).join(''),
  );
}

function checked(size: number): number {
  if (size < 0) throw new Error('expected a size of 0 or more');
  limit('random', size, maxRandom);
  return size;
}

function between(low: number, high: number): number {
  if (high <= low || high - low >= 2 ** 47)
    throw new Error('randInt: the second number must be above the first');
  return randomInt(low, high);
}

function shuffled(items: string[]): string[] {
  for (let at = items.length - 1; at > 0; at--) {
    const other = randomInt(at + 1);
    [items[at], items[other]] = [items[other] ?? '', items[at] ?? ''];
  }
  return items;
}
