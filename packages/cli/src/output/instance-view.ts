import type { ServiceInstance } from '@portolan/client/registry/decode.ts';
import type { Health } from '@portolan/core/catalog/records.ts';
import type { Colors } from 'picocolors/types.js';
import type { ListView } from './render.ts';

/** Instances of one service, as `services NAME` and `resolve NAME` show them. */
export const instanceView: ListView<ServiceInstance> = {
  columns: [
    { title: 'ID', of: ({ id }) => id },
    { title: 'ADDRESS', of: addressOf },
    {
      title: 'HEALTH',
      of: ({ health }) => health,
      paint: (colors, { health }, text) => paintHealth(colors, health, text),
    },
    { title: 'NODE', of: ({ node }) => node },
    { title: 'TAGS', of: ({ tags }) => tags.join(',') },
    { title: 'METADATA', of: ({ metadata }) => pairs(metadata), wide: true },
    {
      title: 'CHECKS',
      of: ({ checks }) => checks.map(checkInWords).join(','),
      wide: true,
    },
  ],
  name: ({ id }) => id,
  json: ({ service, id, node, address, port, health, tags, metadata, checks }) => ({
    service,
    id,
    node,
    address,
    port,
    health,
    tags,
    metadata,
    checks,
  }),
};

/** `host:port`, with an IPv6 address in brackets; without a port where the service has none. */
export function addressOf({ address, port }: ServiceInstance): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function paintHealth(colors: Colors, health: Health, text: string): string {
  return { passing: colors.green, warning: colors.yellow, critical: colors.red }[health](text);
}

/** How much of what a failing check said is shown; `-o json` has all of it. */
const maxReason = 100;

/** `id=status`, and in brackets the first line of what it said where it is not passing. */
function checkInWords({ id, status, output }: ServiceInstance['checks'][number]): string {
  const reason = status === 'passing' ? '' : (output.trim().split('\n', 1)[0] ?? '').slice(0, maxReason);
  return reason === '' ? `${id}=${status}` : `${id}=${status} (${reason})`;
}

function pairs(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
