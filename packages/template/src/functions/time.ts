/** The parts of Go's reference time, `Mon Jan 2 15:04:05 MST 2006`, longest first. */
const layoutParts =
  /January|Jan|Monday|Mon|MST|2006|Z07:00|Z0700|-07:00|-0700|-07|\.0+|\.9+|15|01|02|03|04|05|06|PM|pm|_2|1|2|3|4|5/g;

const months = [
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
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** A moment in UTC, in a layout of Go's `time` package. */
export function formatTime(wallMs: number, layout: string): string {
  const date = new Date(wallMs);
  return layout.replace(layoutParts, (part) => formatPart(date, part));
}

function formatPart(date: Date, part: string): string {
  const month = months[date.getUTCMonth()] ?? '';
  const day = days[date.getUTCDay()] ?? '';
  const hour = date.getUTCHours();
  const short = hour % 12 === 0 ? 12 : hour % 12;
  if (part.startsWith('.')) return fraction(date, part);
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
      return 'UTC';
    case 'Z07:00':
    case 'Z0700':
      return 'Z';
    case '-07:00':
      return '+00:00';
    case '-0700':
      return '+0000';
    case '-07':
      return '+00';
    case '2006':
      return `${date.getUTCFullYear()}`;
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

function two(value: number): string {
  return `${value}`.padStart(2, '0');
}

/** `.000` always has its digits, `.999` loses trailing zeros. */
function fraction(date: Date, part: string): string {
  const digits = `${date.getUTCMilliseconds()}`
    .padStart(3, '0')
    .padEnd(9, '0')
    .slice(0, part.length - 1);
  if (part[1] === '0') return `.${digits}`;
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : `.${trimmed}`;
}
