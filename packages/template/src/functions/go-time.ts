/** Go's `time` package as far as templates see it: layouts, zones, parsing. Source: https://pkg.go.dev/time#Layout */

/** The parts of Go's reference time, `Mon Jan 2 15:04:05 MST 2006`, longest first. */
const layoutParts =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|Z07:00|Z0700|Z07|-07:00|-0700|-07|[.,]0+(?!\d)|[.,]9+(?!\d)|002|15|01|02|03|04|05|06|PM|pm|_2(?!006)|1|2|3|4|5/g;

export const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
export const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** What a zone is at one moment. */
export interface ZoneTime {
  /** `UTC`, `CET`; `+09` where nothing better is known. */
  readonly abbreviation: string;
  readonly offsetMinutes: number;
}

export const utc: ZoneTime = { abbreviation: 'UTC', offsetMinutes: 0 };

/** A moment in a layout of Go's; in UTC unless `zone` says otherwise. */
export function formatTime(wallMs: number, layout: string, zone: ZoneTime = utc): string {
  const date = new Date(wallMs + zone.offsetMinutes * 60_000);
  return layout.replace(layoutParts, (part) => formatPart(date, part, zone));
}

function formatPart(date: Date, part: string, zone: ZoneTime): string {
  const month = monthNames[date.getUTCMonth()] ?? '';
  const day = dayNames[date.getUTCDay()] ?? '';
  const hour = date.getUTCHours();
  const short = hour % 12 === 0 ? 12 : hour % 12;
  if (part.startsWith('.') || part.startsWith(',')) return fraction(date, part);
  switch (part) {
    case 'January':
      return month;
    case 'Jan':
      return month.slice(0, 3);
    case 'Monday':
      return day;
    case 'Mon':
      return day.slice(0, 3);
    case 'MST':
      return zone.abbreviation;
    case 'Z07:00':
    case 'Z0700':
    case 'Z07':
      return zone.offsetMinutes === 0 ? 'Z' : offset(zone.offsetMinutes, part.slice(1));
    case '-07:00':
    case '-0700':
    case '-07':
      return offset(zone.offsetMinutes, part.slice(1));
    case '2006':
      return `${date.getUTCFullYear()}`.padStart(4, '0');
    case '002':
      return `${dayOfYear(date)}`.padStart(3, '0');
    case '06':
      return two(date.getUTCFullYear() % 100);
    case '01':
      return two(date.getUTCMonth() + 1);
    case '1':
      return `${date.getUTCMonth() + 1}`;
    case '02':
      return two(date.getUTCDate());
    case '_2':
      return `${date.getUTCDate()}`.padStart(2);
    case '2':
      return `${date.getUTCDate()}`;
    case '15':
      return two(hour);
    case '03':
      return two(short);
    case '3':
      return `${short}`;
    case '04':
      return two(date.getUTCMinutes());
    case '4':
      return `${date.getUTCMinutes()}`;
    case '05':
      return two(date.getUTCSeconds());
    case '5':
      return `${date.getUTCSeconds()}`;
    case 'PM':
      return hour < 12 ? 'AM' : 'PM';
    default:
      return hour < 12 ? 'am' : 'pm';
  }
}

/** 1 to 366; `date`'s UTC fields hold the local time. */
export function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function two(value: number): string {
  return `${value}`.padStart(2, '0');
}

function offset(minutes: number, form: string): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes < 0 ? '-' : '+';
  if (form === '07') return sign + two(hours);
  return `${sign}${two(hours)}${form.includes(':') ? ':' : ''}${two(rest)}`;
}

/** `.000` always has its digits, `.999` loses trailing zeros. */
function fraction(date: Date, part: string): string {
  const digits = `${date.getUTCMilliseconds()}`
    .padStart(3, '0')
    .padEnd(9, '0')
    .slice(0, part.length - 1);
  if (part[1] === '0') return `${part[0]}${digits}`;
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : `${part[0]}${trimmed}`;
}

/** The zone of the tz database with this name at that moment (`Local` is the process' own); undefined: there is none. */
export function zoneAt(name: string, wallMs: number): ZoneTime | undefined {
  if (name === '' || name === 'UTC') return utc;
  const timeZone = name === 'Local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name;
  if (timeZone === 'UTC') return utc;
  try {
    const found = zoneName(timeZone, 'longOffset', 'en-US', wallMs);
    const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(found) ?? [];
    const offsetMinutes = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    return { offsetMinutes, abbreviation: abbreviationOf(timeZone, wallMs, offsetMinutes) };
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

/** Each of these knows the usual short names of its own part of the world. */
const locales = ['en-US', 'en-GB', 'en-AU', 'en-CA', 'en-IN', 'en-ZA', 'en-NZ'];

function abbreviationOf(timeZone: string, wallMs: number, offsetMinutes: number): string {
  for (const locale of locales) {
    const name = zoneName(timeZone, 'short', locale, wallMs);
    if (/^[A-Z]{3,5}$/.test(name)) return name;
  }
  return offset(offsetMinutes, '07');
}

function zoneName(timeZone: string, style: 'short' | 'longOffset', locale: string, wallMs: number): string {
  const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: style });
  return format.formatToParts(wallMs).find((part) => part.type === 'timeZoneName')?.value ?? '';
}

/** A moment that was written in `layout`, and its zone's offset where the text has one; undefined: it is not in that layout. */
export function parseTime(
  layout: string,
  source: string,
): { readonly wallMs: number; readonly offsetMinutes: number | undefined } | undefined {
  const parts: string[] = [];
  let pattern = '^';
  let at = 0;
  for (const found of layout.matchAll(layoutParts)) {
    pattern += escaped(layout.slice(at, found.index)) + partPattern(found[0]);
    parts.push(found[0]);
    at = found.index + found[0].length;
  }
  const match = new RegExp(`${pattern}${escaped(layout.slice(at))}$`).exec(source);
  return match === null ? undefined : moment(parts, match.slice(1));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function partPattern(part: string): string {
  if (/^[.,]0/.test(part)) return `([.,]\\d{${part.length - 1}})`;
  if (/^[.,]9/.test(part)) return '((?:[.,]\\d{1,9})?)';
  switch (part) {
    case '2006':
      return '(\\d{4})';
    case '002':
      return '(\\d{3})';
    case 'January':
    case 'Jan':
    case 'Monday':
    case 'Mon':
      return '([A-Za-z]+)';
    case 'MST':
      return '([A-Z]{3,5}|[+-]\\d\\d)';
    case 'Z07:00':
    case '-07:00':
      return `(${part.startsWith('Z') ? 'Z|' : ''}[+-]\\d\\d:\\d\\d)`;
    case 'Z0700':
    case '-0700':
      return `(${part.startsWith('Z') ? 'Z|' : ''}[+-]\\d{4})`;
    case 'Z07':
    case '-07':
      return `(${part.startsWith('Z') ? 'Z|' : ''}[+-]\\d\\d)`;
    case 'PM':
      return '(AM|PM)';
    case 'pm':
      return '(am|pm)';
    case '_2':
      return '( ?\\d{1,2})';
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '15':
      return '(\\d{1,2})';
    default:
      return '(\\d{2})';
  }
}

function moment(
  parts: readonly string[],
  texts: readonly string[],
): { wallMs: number; offsetMinutes: number | undefined } | undefined {
  const fields = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, milli: 0 };
  let offsetMinutes: number | undefined;
  let afternoon: boolean | undefined;
  for (const [position, part] of parts.entries()) {
    const text = texts[position] ?? '';
    const number = Number(text);
    if (/^[.,]/.test(part)) fields.milli = Math.floor(Number(`0.${text.slice(1) || '0'}`) * 1000);
    else if (part === '2006') fields.year = number;
    else if (part === '06') fields.year = number >= 69 ? 1900 + number : 2000 + number;
    else if (part === 'January' || part === 'Jan') fields.month = monthOf(text, part === 'Jan');
    else if (part === '01' || part === '1') fields.month = number;
    else if (part === '02' || part === '2' || part === '_2') fields.day = number;
    else if (part === '002') fields.day = number;
    else if (part === '15' || part === '03' || part === '3') fields.hour = number;
    else if (part === '04' || part === '4') fields.minute = number;
    else if (part === '05' || part === '5') fields.second = number;
    else if (part === 'PM' || part === 'pm') afternoon = text.toUpperCase() === 'PM';
    else if (part === 'MST') offsetMinutes = text === 'UTC' ? 0 : (offsetMinutes ?? 0);
    else if (part.includes('07')) offsetMinutes = offsetOf(text);
  }
  if (afternoon !== undefined) fields.hour = (fields.hour % 12) + (afternoon ? 12 : 0);
  const date = new Date(0);
  date.setUTCFullYear(fields.year, fields.month - 1, fields.day);
  date.setUTCHours(fields.hour, fields.minute, fields.second, fields.milli);
  const isReal =
    date.getUTCMonth() === fields.month - 1 &&
    date.getUTCHours() === fields.hour &&
    date.getUTCMinutes() === fields.minute &&
    date.getUTCSeconds() === fields.second;
  if (!isReal && !parts.includes('002')) return undefined;
  return { wallMs: date.getTime() - (offsetMinutes ?? 0) * 60_000, offsetMinutes };
}

/** 0 for what is no month, which no date has. */
function monthOf(text: string, short: boolean): number {
  return monthNames.findIndex((name) => (short ? name.slice(0, 3) : name) === text) + 1;
}

function offsetOf(text: string): number {
  if (text === 'Z') return 0;
  const digits = text.slice(1).replace(':', '').padEnd(4, '0');
  return (text.startsWith('-') ? -1 : 1) * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2)));
}
