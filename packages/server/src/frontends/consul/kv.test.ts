import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from './test-server.fixture.ts';

test('a recursive read that is made in slices is the same list, and lets others in between', async () => {
  await using server = await startTestServer();
  const value = Buffer.alloc(384 * 1024, 'ü').toString('base64');
  const keys = Array.from({ length: 12 }, (_, index) => `big/${String(index).padStart(2, '0')}`);
  await server.engine.submit((draft) => {
    for (const key of keys)
      draft.put({ kind: 'kv', key, value, flags: '18446744073709551615', lockIndex: 0 });
  });
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  const plain = server.get('/v1/kv/big/?recurse');
  count();
  const { text, index } = await plain;
  counting = false;
  assert.ok(turns > 3);
  assert.match(text, /"Flags":18446744073709551615/);
  const entries = JSON.parse(text) as { Key: string; Value: string; ModifyIndex: number }[];
  assert.deepEqual(
    entries.map(({ Key }) => Key),
    keys,
  );
  assert.ok(entries.every((entry) => entry.Value === value && entry.ModifyIndex === index));

  const pretty = (await server.get('/v1/kv/big/?recurse&pretty')).text;
  assert.equal(
    pretty.replaceAll('18446744073709551615', '0'),
    `${JSON.stringify(JSON.parse(text.replaceAll('18446744073709551615', '0')), undefined, 4)}\n`,
  );
});
