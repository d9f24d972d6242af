import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type SettingInfo, settingInfos } from './flags.ts';

const file = new URL('../../../../docs/configuration.md', import.meta.url);
const section = /(<!-- settings:[^>]*-->\n)[\s\S]*(<!-- \/settings -->)/;

function row(info: SettingInfo): string {
  const flag = info.flag === 'listen' ? `--listen ${info.key.slice('listen.'.length)}=…` : `--${info.flag}`;
  const standard = info.defaultText ?? `\`${info.defaultValue}\``;
  const description = info.description.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  return `| \`${info.key}\` | \`${flag}\` | ${standard} | ${description} |\n`;
}

test('docs/configuration.md lists every setting as it is (UPDATE_GOLDEN=1 writes the list)', () => {
  const table = `| key | flag | default | |\n| --- | --- | --- | --- |\n${settingInfos.map(row).join('')}`;
  const text = readFileSync(file, 'utf8');
  const wanted = text.replace(section, (_, start: string, end: string) => `${start}${table}${end}`);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, wanted);
  assert.equal(readFileSync(file, 'utf8'), wanted);
  assert.match(wanted, /`dns\.domain`/);
});
