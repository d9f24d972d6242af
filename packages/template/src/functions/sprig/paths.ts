import { posix } from 'node:path';
import { type Definition, ofTexts } from './define.ts';

/** Go's `path`; the `os…` ones are the same: Portolan's machines have slashes. */
export const pathFunctions: readonly Definition[] = [
  ...both('base', base),
  ...both('dir', (path) => clean(path.slice(0, path.lastIndexOf('/') + 1))),
  ...both('clean', clean),
  ...both('ext', ext),
  ...both('isAbs', (path) => path.startsWith('/')),
];

function both(name: string, apply: (path: string) => string | boolean): readonly Definition[] {
  return [
    [name, ofTexts(1, apply)],
    [`os${(name[0] ?? '').toUpperCase()}${name.slice(1)}`, ofTexts(1, apply)],
  ];
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function base(path: string): string {
  if (path === '') return '.';
  return path.replace(/\/+$/, '').split('/').at(-1) || '/';
}

function ext(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot === -1 ? '' : name.slice(dot);
}
