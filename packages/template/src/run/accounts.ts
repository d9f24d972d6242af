import { readFileSync } from 'node:fs';
import { Fault } from '@portolan/core/base/fault.ts';

/** Whom a file is given to; undefined: as it is. */
export interface Owner {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Names as the machine's account files have them, or numbers. Throws an `invalid` fault for a name that is not there. */
export function ownerOf(user: string | undefined, group: string | undefined): Owner | undefined {
  const uid = user === undefined || user === '' ? undefined : idOf('user', '/etc/passwd', user);
  const gid = group === undefined || group === '' ? undefined : idOf('group', '/etc/group', group);
  return uid === undefined && gid === undefined ? undefined : { uid, gid };
}

function idOf(what: string, file: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const id = line?.split(':')[2];
  if (id === undefined || !/^\d+$/.test(id))
    throw new Fault('invalid', `${what} ${JSON.stringify(name)} is not known on this machine`);
  return Number(id);
}
