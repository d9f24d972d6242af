import { Callable, Float, Struct, type Value } from '../../language/values.ts';
import { text } from '../arguments.ts';
import { formatGoSeconds, parseGoDuration, roundGoDuration } from '../go-duration.ts';
import {
  dayNames,
  dayOfYear,
  formatTime,
  monthNames,
  parseTime,
  utc,
  type ZoneTime,
  zoneAt,
} from '../go-time.ts';
import { type Definition, exactly, ofTexts } from './define.ts';

/** Dates of a machine with this clock and this zone (a name of the tz database, or `Local`). */
export function dateFunctions(wallMs: () => number, localZone: string): readonly Definition[] {
  const inZone = (layout: string, moment: Value | undefined, zone: string): string => {
    const ms = momentMs(moment, wallMs);
    return formatTime(ms, layout, zoneAt(zone === 'Local' ? localZone : zone, ms) ?? utc);
  };
  const parsed = (layout: string, source: string): TimeValue | undefined => {
    const found = parseTime(layout, source);
    return found === undefined ? undefined : located(found, localZone);
  };
  const dateInZone = exactly(3, (layout, moment, zone) => inZone(text(layout), moment, text(zone)));
  const modify = exactly(2, (by, moment) => moved(text(by), moment) ?? timeOf(moment));
  const mustModify = exactly(
    2,
    (by, moment) => moved(text(by), moment) ?? fail(`time: invalid duration ${JSON.stringify(by)}`),
  );
  return [
    ['now', exactly(0, () => new TimeValue(wallMs(), zoneAt(localZone, wallMs()) ?? utc))],
    ['date', exactly(2, (layout, moment) => inZone(text(layout), moment, 'Local'))],
    ['dateInZone', dateInZone],
    ['date_in_zone', dateInZone],
    ['htmlDate', exactly(1, (moment) => inZone('2006-01-02', moment, 'Local'))],
    ['htmlDateInZone', exactly(2, (moment, zone) => inZone('2006-01-02', moment, text(zone)))],
    ['dateModify', modify],
    ['date_modify', modify],
    ['mustDateModify', mustModify],
    ['must_date_modify', mustModify],
    ['toDate', ofTexts(2, (layout, source) => parsed(layout, source) ?? zeroTime)],
    [
      'mustToDate',
      ofTexts(
        2,
        (layout, source) =>
          parsed(layout, source) ??
          fail(`parsing time ${JSON.stringify(source)} as ${JSON.stringify(layout)}: cannot parse`),
      ),
    ],
    ['unixEpoch', exactly(1, (moment) => `${Math.floor(timeOf(moment).wallMs / 1000)}`)],
    [
      'ago',
      exactly(1, (moment) => formatGoSeconds(Math.round((wallMs() - momentMs(moment, wallMs)) / 1000))),
    ],
    ['duration', exactly(1, (seconds) => formatGoSeconds(wholeSeconds(seconds)))],
    ['durationRound', exactly(1, (value) => roundGoDuration(durationMs(value, wallMs)))],
  ];
}

function fail(message: string): never {
  throw new Error(message);
}

function pad(value: number, size = 2): string {
  return `${value}`.padStart(size, '0');
}

/** Go's `time.Time`. */
class TimeValue extends Struct {
  readonly wallMs: number;
  readonly zone: ZoneTime;
  constructor(wallMs: number, zone: ZoneTime) {
    const local = new Date(wallMs + zone.offsetMinutes * 60_000);
    const methods: readonly (readonly [string, (...args: readonly Value[]) => Value])[] = [
      ['Format', (layout) => formatTime(wallMs, text(layout), zone)],
      ['Unix', () => Math.floor(wallMs / 1000)],
      ['UnixMilli', () => wallMs],
      ['UTC', () => new TimeValue(wallMs, utc)],
      ['Year', () => local.getUTCFullYear()],
      ['Month', () => monthNames[local.getUTCMonth()] ?? ''],
      ['Day', () => local.getUTCDate()],
      ['Hour', () => local.getUTCHours()],
      ['Minute', () => local.getUTCMinutes()],
      ['Second', () => local.getUTCSeconds()],
      ['Weekday', () => dayNames[local.getUTCDay()] ?? ''],
      ['YearDay', () => dayOfYear(local)],
      ['IsZero', () => wallMs === zeroMs],
      ['Before', (other) => wallMs < timeOf(other).wallMs],
      ['After', (other) => wallMs > timeOf(other).wallMs],
      ['Equal', (other) => wallMs === timeOf(other).wallMs],
      ['String', () => formatTime(wallMs, '2006-01-02 15:04:05.999999999 -0700 MST', zone)],
    ];
    const callables = methods.map(([name, call]) => [name, new Callable(name, call)] as const);
    super('time.Time', new Map(), new Map(callables), () =>
      formatTime(wallMs, '2006-01-02 15:04:05.999999999 -0700 MST', zone),
    );
    this.wallMs = wallMs;
    this.zone = zone;
  }
}

/** Go's zero time: the first of January of the year 1. */
const zeroMs = -62_135_596_800_000;
const zeroTime = new TimeValue(zeroMs, utc);

function timeOf(value: Value | undefined): TimeValue {
  if (value instanceof TimeValue) return value;
  throw new Error('expected time.Time');
}

/** A time, or seconds since 1970; anything else is now. */
function momentMs(value: Value | undefined, wallMs: () => number): number {
  if (value instanceof TimeValue) return value.wallMs;
  return typeof value === 'number' ? bounded(value * 1000) : wallMs();
}

/** JavaScript's dates end at 8.64e15 ms on either side. */
function bounded(ms: number): number {
  if (Math.abs(ms) > 8.6e15) throw new Error('time out of range');
  return ms;
}

/** Without an offset in the text the moment is meant in the local zone. */
function located(found: { wallMs: number; offsetMinutes: number | undefined }, localZone: string): TimeValue {
  if (found.offsetMinutes !== undefined) {
    const abbreviation = found.offsetMinutes === 0 ? 'UTC' : '';
    const zone = {
      offsetMinutes: found.offsetMinutes,
      abbreviation: abbreviation || plain(found.offsetMinutes),
    };
    return new TimeValue(found.wallMs, zone);
  }
  const first = zoneAt(localZone, found.wallMs) ?? utc;
  const wallMs = found.wallMs - first.offsetMinutes * 60_000;
  return new TimeValue(wallMs, zoneAt(localZone, wallMs) ?? utc);
}

function plain(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

function moved(by: string, moment: Value | undefined): TimeValue | undefined {
  const { wallMs, zone } = timeOf(moment);
  const ms = parseGoDuration(by);
  return ms === undefined ? undefined : new TimeValue(bounded(wallMs + ms), zone);
}

function wholeSeconds(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : 0;
}

/** A Go duration, a time (how long ago), or nanoseconds. */
function durationMs(value: Value | undefined, wallMs: () => number): number {
  if (typeof value === 'string') return parseGoDuration(value) ?? 0;
  if (value instanceof TimeValue) return wallMs() - value.wallMs;
  if (value instanceof Float) return 0;
  return typeof value === 'number' ? value / 1e6 : 0;
}
