import { readFileSync } from 'node:fs';

/** What a container of it can run, all being BusyBox. */
const applets = ['sh', 'sleep', 'httpd', 'true', 'false', 'kill', 'trap', 'echo', 'nc', 'mkdir', 'cat'];

const blockBytes = 512;

/**
 * A root file system for `docker import`, as a tar: BusyBox (Debian's `busybox-static`, at `busybox`) with a few of its
 * names in `/bin`, and `/www` with an `index.html` for its httpd.
 */
export function busyboxRootFs(busybox: string): Buffer {
  return Buffer.concat([
    ...directory('bin'),
    ...file('bin/busybox', readFileSync(busybox), 0o755),
    ...applets.flatMap((name) => link(`bin/${name}`, 'busybox')),
    ...directory('www'),
    ...file('www/index.html', Buffer.from('hello from a container\n'), 0o644),
    ...directory('tmp'),
    // Two empty blocks end a tar.
    Buffer.alloc(2 * blockBytes),
  ]);
}

function directory(path: string): Buffer[] {
  return [header(`${path}/`, { type: '5', mode: 0o755, size: 0 })];
}

function link(path: string, target: string): Buffer[] {
  return [header(path, { type: '2', mode: 0o777, size: 0, target })];
}

function file(path: string, content: Buffer, mode: number): Buffer[] {
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
  return [header(path, { type: '0', mode, size: content.length }), content, padding];
}

/** POSIX ustar. */
function header(
  path: string,
  { type, mode, size, target = '' }: { type: string; mode: number; size: number; target?: string },
): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  block.write(path, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}
