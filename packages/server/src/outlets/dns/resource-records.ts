import { formatAddress, parseAddress } from './address.ts';
import { type Name, type Resource, typeCode } from './message.ts';

/** An A or AAAA record, or undefined for what is not an address. */
export function addressRecord(name: Name, ttlSeconds: number, text: string): Resource | undefined {
  const bytes = parseAddress(text);
  if (bytes === undefined) return undefined;
  return { name, ttlSeconds, type: bytes.length === 4 ? 'A' : 'AAAA', address: formatAddress(bytes) };
}

/** Whether a question for `type` is about the record. */
export function wants(type: number, record: Resource): boolean {
  return type === typeCode.ANY || (record.type !== 'other' && typeCode[record.type] === type);
}
