import { execFile } from 'node:child_process';
import { Fault } from '@portolan/core/base/fault.ts';
import { presenceChain, tableName } from './translate.ts';

/** A transaction of ten thousand services takes about a second. */
const timeoutMs = 30_000;
/** An error repeats the line that it is about, and may be about many. */
const maxOutputBytes = 1024 * 1024;
const maxMessageChars = 500;

/** The kernel's tables, as far as ours is concerned. All reject with `unavailable` and what nft said. */
export interface NftProgram {
  /** All of it or nothing, at one moment. */
  load(ruleset: string): Promise<void>;
  isLoaded(): Promise<boolean>;
  /** Does nothing where there is none. */
  unload(): Promise<void>;
}

export function nftProgram(binary = 'nft'): NftProgram {
  return {
    load: (ruleset) => run(binary, ['-f', '-'], ruleset),
    // Whatever is listed, nft reads all tables first; to empty an empty chain costs nothing, and fails where there is none.
    isLoaded: () =>
      run(binary, ['flush', 'chain', 'ip', tableName, presenceChain], '').then(
        () => true,
        () => false,
      ),
    unload: () => run(binary, ['-f', '-'], `table ip ${tableName} {}\ndelete table ip ${tableName}\n`),
  };
}

function run(binary: string, args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // `sbin` too: the path of a service often lacks it.
    const env = { PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
    const options = { env, timeout: timeoutMs, maxBuffer: maxOutputBytes };
    const child = execFile(binary, args, options, (error, _, stderr) => {
      if (error === null) return resolve();
      const said = stderr.trim() === '' ? error.message : stderr.trim();
      const missing = 'code' in error && (error as NodeJS.ErrnoException).code === 'ENOENT';
      const message = missing
        ? `cluster-ip.mode nft: there is no program "${binary}": install nftables`
        : `nft ${args.join(' ')}: ${said.slice(0, maxMessageChars)}`;
      reject(new Fault('unavailable', message, { cause: error }));
    });
    // It may end before it has read all: what it says then tells more than a broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
