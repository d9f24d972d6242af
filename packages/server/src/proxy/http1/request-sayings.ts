import { type ConnectionOptions, connectionOptions, hasImitation } from './connection-field.ts';
import { linesOf } from './field-lines.ts';
import type { FieldTable } from './field-table.ts';
import { field } from './known-field.ts';
import { type Refusal, refusals } from './refusal.ts';
import { type ToldForwarding, toldNothing } from './request-head.ts';

/** What the fields of a request say that the proxy itself listens to. */
export interface Sayings {
  readonly type: 'sayings';
  readonly hosts: number;
  /** The last one's value. */
  readonly host: string;
  readonly connection: ConnectionOptions;
  /** Whether a field says how long the body is. */
  readonly framed: boolean;
  readonly expectsContinue: boolean;
  /** `TE: trailers`. */
  readonly trailers: boolean;
  /** `Upgrade: websocket`. */
  readonly upgradable: boolean;
  readonly told: ToldForwarding;
  readonly requestId: string;
  readonly userAgent: string;
  readonly hops: number;
}

const noConnection: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, named: [] };

/** RFC 9110 §10.1.4. */
const acceptsTrailers = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

/** Goes through the fields once. */
export function sayings(table: FieldTable, text: string, base: number): Sayings | Refusal {
  let connection: ConnectionOptions | undefined = noConnection;
  let told: ToldForwarding = toldNothing;
  let hosts = 0;
  let host = '';
  let requestId = '';
  let userAgent = '';
  let hops = 0;
  let expectsContinue = false;
  let upgradable = false;
  let trailers = false;
  let framed = false;
  let odd = false;
  for (let index = 0; index < table.count; index++) {
    if (table.odd[index] === 1) odd = true;
    switch (table.known[index]) {
      case field.host:
        hosts++;
        host = table.value(index, text, base);
        break;
      case field.connection:
        connection = undefined;
        break;
      case field.contentLength:
      case field.transferEncoding:
        framed = true;
        break;
      case field.expect:
        if (table.value(index, text, base).toLowerCase() !== '100-continue') return refusals.badExpect;
        expectsContinue = true;
        break;
      case field.te:
        trailers ||= acceptsTrailers.test(table.value(index, text, base));
        break;
      case field.upgrade:
        upgradable = table.value(index, text, base).toLowerCase() === 'websocket';
        break;
      case field.xForwardedFor:
      case field.xForwardedProto:
      case field.xForwardedHost:
      case field.forwardedOther:
        told = toldBy(table, text, base, index, told);
        break;
      case field.xRequestId:
        requestId = table.value(index, text, base);
        break;
      case field.userAgent:
        userAgent = table.value(index, text, base);
        break;
      case field.hops:
        hops = Math.max(hops, hopsOf(table.value(index, text, base)));
        break;
    }
  }
  if (odd && hasImitation(table, text, base)) return refusals.aliasedField;
  connection ??= connectionOptions(table, text, base);
  if (connection === undefined) return refusals.badConnectionField;
  return {
    type: 'sayings',
    hosts,
    host,
    connection,
    framed,
    expectsContinue,
    trailers,
    upgradable,
    told,
    requestId,
    userAgent,
    hops,
  };
}

/** Who tampers with it only harms his own request. */
function hopsOf(value: string): number {
  return /^\d{1,3}$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
}

function toldBy(
  table: FieldTable,
  text: string,
  base: number,
  index: number,
  before: ToldForwarding,
): ToldForwarding {
  const value = table.value(index, text, base);
  switch (table.known[index]) {
    case field.xForwardedFor:
      return { ...before, for: before.for === '' ? value : `${before.for}, ${value}` };
    case field.xForwardedProto:
      return { ...before, proto: value };
    case field.xForwardedHost:
      return { ...before, host: value };
    default:
      return before.lines === ''
        ? { ...before, lines: linesOf(table, text, base, field.forwardedOther) }
        : before;
  }
}
