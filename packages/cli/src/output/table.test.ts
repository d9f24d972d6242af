import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from './printable.ts';
import { renderTable } from './table.ts';

test('columns line up, nothing trails, and paint does not count as width', () => {
  const rows = [
    ['NAME', 'X'],
    ['é', 'long'],
    ['longer', ''],
  ];
  assert.equal(renderTable(rows), 'NAME    X\né       long\nlonger\n');
  assert.equal(
    renderTable(rows, (text) => `<${text}>`),
    '<NAME>    <X>\n<é>       <long>\n<longer>  <>\n',
  );
});

test('what would steer a terminal is shown as an escape', () => {
  assert.equal(
    printable('a\u001b[2J\r\n\u009b\u202e\u2066b'),
    'a\\u001b[2J\\u000d\\u000a\\u009b\\u202e\\u2066b',
  );
  assert.equal(printable('Grüße, 世界 👋'), 'Grüße, 世界 👋');
});
