import { type FlagValues, type SettingInfo, settingInfos } from '@portolan/server/config/flags.ts';
import { loadSettings } from '@portolan/server/config/load.ts';
import type { Settings } from '@portolan/server/config/settings.ts';
import type { Io } from '../io.ts';
import { type ListView, renderList } from '../output/render.ts';
import { type ClientFlags, renderOptions } from '../session.ts';

/** `portolan config validate`: throws what is wrong, each with its place. */
export function validateConfig(flags: FlagValues, io: Io): void {
  const settings = loadSettings(flags, io.env);
  for (const warning of settings.warnings) io.err(`warning: ${warning}\n`);
  io.err('The settings are valid.\n');
}

interface SettingRow {
  readonly info: SettingInfo;
  readonly value: string;
  readonly origin: string;
}

const settingView: ListView<SettingRow> = {
  columns: [
    { title: 'SETTING', of: ({ info }) => info.key },
    { title: 'VALUE', of: ({ value }) => value },
    { title: 'FROM', of: ({ origin }) => origin },
    { title: 'VARIABLE', of: ({ info }) => info.variable, wide: true },
    { title: 'MEANING', of: ({ info }) => info.description, wide: true },
  ],
  name: ({ info }) => info.key,
  json: ({ info, value, origin }) => ({ setting: info.key, value, origin, variable: info.variable }),
};

/** `portolan config show` */
export function showConfig(
  flags: FlagValues,
  io: Io,
  output: Pick<ClientFlags, 'output' | 'headers' | 'color'>,
): void {
  const settings = loadSettings(flags, io.env);
  for (const warning of settings.warnings) io.err(`warning: ${warning}\n`);
  io.out(
    renderList(
      settingInfos.map((info) => rowOf(info, settings)),
      settingView,
      renderOptions(io, output),
    ),
  );
}

function rowOf(info: SettingInfo, settings: Settings): SettingRow {
  const origin = settings.origins[info.key];
  return { info, value: origin.given, origin: origin.place };
}
