import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { renderYaml } from './yaml.ts';

test('what is written is read back the same, whatever it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      // JSON has no minus zero.
      const plain = JSON.parse(JSON.stringify(value));
      assert.deepEqual(parse(renderYaml(plain), { maxAliasCount: 0 }), plain);
    }),
  );
});
