import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import { linearPattern } from '../linear-regex.ts';
import type { At } from './at.ts';
import { list, type Schema, shown, text } from './schema.ts';

/* What texts in manifests must look like. */

const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 1123. */
function isLabel(value: string): boolean {
  return labelPattern.test(value);
}

function isSubdomain(value: string): boolean {
  return value.length <= 253 && value.split('.').every(isLabel);
}

/** `web`: names of Services, namespaces, ports. */
export const dnsLabel = text({
  max: 253,
  check(value, at) {
    if (isLabel(value)) return;
    at.error(
      'bad-name',
      `must be 1 to 63 lower-case letters, digits and "-", not ${shown(value)}`,
      nameInstead(value, isLabel),
    );
  },
});

/** `web.v2`: names of nearly everything else. */
export const dnsSubdomain = text({
  max: 4096,
  check(value, at) {
    if (isSubdomain(value)) return;
    at.error(
      'bad-name',
      `must be lower-case letters, digits, "-" and ".", at most 253, not ${shown(value)}`,
      nameInstead(value, isSubdomain),
    );
  },
});

/** Of a service that is referred to: registries take more names than Kubernetes does (`REVIEWS`, `org.example.Shop`, `web_api`). */
export const serviceName = text({
  min: 1,
  max: 255,
  check(value, at) {
    if (/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value)) return;
    at.error('bad-name', `must be the name of a service, not ${shown(value)}`);
  },
});

function nameInstead(value: string, isName: (text: string) => boolean): string | undefined {
  const made = value
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return made !== value && isName(made) ? `write ${made}` : undefined;
}

/** A host that requests are matched with. Lower case, no port; `*.` only where `wildcard`. */
export function hostName(options: { wildcard: boolean; star?: boolean; empty?: boolean }): Schema<string> {
  return text({ max: 4096, check: (value, at) => checkHost(value, at, options) });
}

export function checkHost(
  value: string,
  at: At,
  options: { wildcard: boolean; star?: boolean; empty?: boolean },
): void {
  if (value === '' && options.empty) return;
  if (value === '*') {
    if (options.star) return;
    at.error('bad-host', 'must not be "*"', 'leave the host out to mean all of them');
    return;
  }
  if (isIpAddress(value)) {
    at.error(
      'bad-host',
      `must be a host name, not the address ${value}`,
      'leave the host out to mean all of them',
    );
    return;
  }
  const portless = value.replace(/:\d+$/, '');
  if (portless !== value) {
    at.error('bad-host', `must be a host name without a port, not ${shown(value)}`, `write ${portless}`);
    return;
  }
  const bare = value.startsWith('*.') ? value.slice(2) : value;
  if (bare !== value && !options.wildcard) {
    at.error('bad-host', `must be one host name, not ${shown(value)}`);
    return;
  }
  if (isSubdomain(bare)) return;
  const lower = value.toLowerCase().replace(/\.$/, '');
  at.error(
    'bad-host',
    `must be a host name such as shop.example.com${options.wildcard ? ' or *.example.com' : ''}, not ${shown(value)}`,
    value.includes('*') && !value.startsWith('*.')
      ? 'a wildcard is the whole first label: *.example.com'
      : lower !== value && isSubdomain(lower.replace(/^\*\./, ''))
        ? `write ${lower}`
        : undefined,
  );
}

/** An absolute path, as the beginning of a request's target. */
export function checkPath(value: string, at: At): void {
  if (!value.startsWith('/')) {
    at.error('bad-path', `must begin with a slash, not ${shown(value)}`, `write ${shown(`/${value}`)}`);
  } else if (value.includes('?') || value.includes('#')) {
    at.error('bad-path', `must be a path alone, without "?" and "#", not ${shown(value)}`);
  }
}

export const ipAddress = text({
  max: 64,
  check(value, at) {
    if (!isIpAddress(value)) at.error('bad-address', `must be an IP address, not ${shown(value)}`);
  },
});

/** An address, or a range of them. */
export const cidr = text({
  max: 64,
  check(value, at) {
    const [address = '', bits] = value.split('/');
    const most = address.includes(':') ? 128 : 32;
    const right = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    if (isIpAddress(address) && right) return;
    at.error('bad-address', `must be an address or a range such as 10.0.0.0/8, not ${shown(value)}`);
  },
});

/** RE2's syntax: matched in time linear in the text, so that no pattern can hold up a gateway. */
export function checkRegex(value: string, at: At): void {
  try {
    linearPattern(value);
  } catch (thrown) {
    const why = Fault.from(thrown).message.replace(/^error parsing regexp: /, '');
    const perl = /\(\?[=!<]|\\[1-9]/.test(value);
    at.error(
      'bad-regex',
      `must be a regular expression in RE2's syntax: ${why}`,
      perl ? 'look-around and back-references do not exist there' : undefined,
    );
  }
}

export const regex = text({ check: checkRegex });

/** RFC 9110 §5.1. */
export const headerName = text({
  min: 1,
  max: 256,
  check(value, at) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value)) {
      at.error('bad-header', `must be the name of a header, not ${shown(value)}`);
    }
  },
});

/** RFC 9110 §5.5: nothing that would end the line. */
export const headerValue = text({
  max: 4096,
  check(value, at) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      at.error('bad-header', 'must not hold line ends or other control characters');
    }
  },
});

/** Durations as Go writes them: `10s`, `1m30s`, `1.5s`, `500ms`. */
export function duration(options: { minMs?: number } = {}): Schema<string> {
  return orSeconds(
    text({
      max: 64,
      check(value, at) {
        const ms = parseDurationMs(value);
        if (ms === undefined)
          notDuration(value, at, /^\d+(\.\d+)?$/.test(value) ? `write ${value}s` : undefined);
        else if (ms < (options.minMs ?? 0)) {
          at.error('bad-duration', `must be at least ${options.minMs}ms, not ${value}`);
        }
      },
    }),
  );
}

/** A number alone has no unit; most often seconds are meant. */
function orSeconds(schema: Schema<string>): Schema<string> {
  return (value, at) =>
    typeof value === 'number' ? notDuration(value, at, `write ${value}s`) : schema(value, at);
}

function notDuration(value: unknown, at: At, instead: string | undefined): undefined {
  at.error('bad-duration', `must be a duration such as 10s, 1m30s or 500ms, not ${shown(value)}`, instead);
}

/** Gateway API's durations: the same without fractions (GEP-2257). */
export const gatewayDuration = orSeconds(
  text({
    max: 64,
    check(value, at) {
      if (/^(\d{1,5}(h|m|s|ms)){1,4}$/.test(value)) return;
      const whole = /^\d+$/.test(value) ? `write ${value}s` : undefined;
      notDuration(value, at, /^\d+\.\d+s$/.test(value) ? 'write milliseconds, such as 1500ms' : whole);
    },
  }),
);

/** A text that must not be told to anybody, not even where it is wrong. */
export function hidden(schema: Schema<string>): Schema<string> {
  return (value, at) => {
    if (typeof value === 'string') return schema(value, at);
    at.error('wrong-type', 'must be text', 'write it in quotes');
    return undefined;
  };
}

export const base64 = text({
  max: 1_500_000,
  check(value, at) {
    if (!isBase64(value)) {
      at.error('bad-base64', 'must be base64', 'write it as it is under stringData instead');
    }
  },
});

function isBase64(value: string): boolean {
  const bare = value.replaceAll(/[\r\n]/g, '');
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

export const cidrs = list(cidr, { max: 1024 });
