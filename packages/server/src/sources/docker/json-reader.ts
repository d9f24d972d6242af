import { Fault } from '@portolan/core/base/fault.ts';

/*
 * Reads what an engine sent. A field that is absent, null or of another type is empty: engines differ by version, and one
 * odd field is no reason to lose a container.
 */

const noObject: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** Throws `invalid` for what is not JSON; `what` says of what. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault('invalid', `${what} from the Docker Engine is not JSON`, { cause: error });
  }
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : noObject;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((item) => typeof item === 'string');
}
