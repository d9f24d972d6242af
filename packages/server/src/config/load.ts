import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { Fault } from '@portolan/core/base/fault.ts';
import type { FlagValues } from './flags.ts';
import { resolveSettings } from './resolve.ts';
import type { Settings } from './settings.ts';
import { parseSettingsFile, type SettingsFile } from './settings-file.ts';

/** Settings from this machine's flags, variables and, where `--config` or `PORTOLAN_CONFIG` names one, file. */
export function loadSettings(flags: FlagValues, env: Readonly<Record<string, string | undefined>>): Settings {
  const fileName = typeof flags.config === 'string' ? flags.config : env.PORTOLAN_CONFIG;
  return resolveSettings({
    flags,
    env,
    file: fileName === undefined || fileName === '' ? undefined : readSettingsFile(fileName),
    machine: { hostName: hostname(), cores: availableParallelism() },
  });
}

function readSettingsFile(name: string): SettingsFile {
  let content: string;
  try {
    content = readFileSync(name, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('invalid', `--config: ${name} cannot be read: ${reason}`, { cause });
  }
  return parseSettingsFile(name, content);
}
