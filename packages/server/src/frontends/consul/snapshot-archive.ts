import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Fault } from '@portolan/core/base/fault.ts';

/**
 * The outer form of a snapshot is Consul's, so that its tools take it: a gzipped tar (POSIX.1-1988 "ustar") of `meta.json`,
 * `state.bin` and `SHA256SUMS`. What is in `state.bin` is ours.
 */
export interface SnapshotArchive {
  readonly meta: string;
  readonly state: Buffer;
}

const blockBytes = 512;
/** Three are needed; more are skipped, up to here. */
const maxFiles = 16;

const names = { meta: 'meta.json', state: 'state.bin', sums: 'SHA256SUMS' } as const;

export async function packSnapshot({ meta, state }: SnapshotArchive, nowMs: number): Promise<Buffer> {
  const metaBytes = Buffer.from(meta);
  const sums = `${sha256(metaBytes)}  ${names.meta}\n${sha256(state)}  ${names.state}\n`;
  const tar = Buffer.concat([
    ...tarFile(names.meta, metaBytes, nowMs),
    ...tarFile(names.state, state, nowMs),
    ...tarFile(names.sums, Buffer.from(sums), nowMs),
    Buffer.alloc(blockBytes * 2),
  ]);
  return promisify(gzip)(tar);
}

/** Throws `invalid` for what is no snapshot or is damaged, `too-large` where more than `maxBytes` come out of it. */
export async function unpackSnapshot(packed: Buffer, maxBytes: number): Promise<SnapshotArchive> {
  const files = readTar(await unzipped(packed, maxBytes));
  const meta = fileNamed(files, names.meta);
  const state = fileNamed(files, names.state);
  const sums = new Map(
    fileNamed(files, names.sums)
      .toString('latin1')
      .split('\n')
      .map((line) => line.split(/\s+/, 2))
      .map(([sum = '', name = '']) => [name, sum] as const),
  );
  for (const [name, content] of [
    [names.meta, meta],
    [names.state, state],
  ] as const) {
    if (sums.get(name) !== sha256(content)) throw damaged(`the checksum of ${name} does not match`);
  }
  return { meta: meta.toString('utf8'), state };
}

async function unzipped(packed: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    if (isTooLarge)
      throw new Fault('too-large', `The snapshot is larger than ${maxBytes} bytes when unpacked`);
    throw damaged('it is not gzipped, or cut short', cause);
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function tarFile(name: string, content: Buffer, nowMs: number): Buffer[] {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  header.write(name, 0, 'latin1');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(Math.floor(nowMs / 1000), 136, 12);
  header.fill(' ', 148, 156);
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return [header, content, Buffer.alloc(padding(content.length))];
}

function padding(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

function readTar(tar: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  let at = 0;
  while (at + blockBytes <= tar.length && tar[at] !== 0) {
    const name = textAt(tar, at, 100);
    const sizeText = textAt(tar, at + 124, 12).trim();
    const size = /^[0-7]{1,11}$/.test(sizeText) ? Number.parseInt(sizeText, 8) : -1;
    const start = at + blockBytes;
    if (size < 0 || start + size > tar.length) throw damaged('a file in it is cut short');
    if (files.size >= maxFiles) throw damaged('there are too many files in it');
    files.set(name, tar.subarray(start, start + size));
    at = start + size + padding(size);
  }
  return files;
}

function textAt(tar: Buffer, at: number, length: number): string {
  const field = tar.toString('latin1', at, at + length);
  const end = field.indexOf('\0');
  return end === -1 ? field : field.slice(0, end);
}

function fileNamed(files: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const found = files.get(name);
  if (found === undefined) throw damaged(`there is no ${name} in it`);
  return found;
}

function damaged(why: string, cause?: unknown): Fault {
  return new Fault('invalid', `This is no snapshot of a server: ${why}`, { cause });
}
