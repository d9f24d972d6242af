import { isIpAddress } from '../../../../base/ip-address.ts';
import type { AnnotationReader } from './reader.ts';

/** Ranges of addresses; `wrong` are those that are none. Undefined: the annotation is not there. */
export function cidrs(
  read: AnnotationReader,
  name: string,
): { readonly ranges: readonly string[]; readonly wrong: readonly string[] } | undefined {
  const all = read.list(name);
  if (all === undefined) return undefined;
  const { ranges = [], wrong = [] } = Object.groupBy(all, (text) => (isCidr(text) ? 'ranges' : 'wrong'));
  return { ranges, wrong };
}

function isCidr(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  if (!isIpAddress(address) || more.length > 0) return false;
  return (
    length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (address.includes(':') ? 128 : 32))
  );
}
