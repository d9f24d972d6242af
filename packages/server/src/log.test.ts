import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prettyLine } from './log.ts';

test('a line for a person: time, level, part, message, fields', () => {
  const json =
    '{"level":"warn","time":"2026-01-02T03:04:05.678Z","part":"dns","client":"127.0.0.1","why":"a b","msg":"refused"}';
  assert.equal(prettyLine(json), '03:04:05 warn  dns: refused  client=127.0.0.1  why="a b"\n');
});

test('an error brings its trace, set in', () => {
  const json =
    '{"level":"error","time":"2026-01-02T03:04:05.678Z","err":{"stack":"Error: x\\n    at y"},"msg":"failed"}';
  assert.equal(prettyLine(json), '03:04:05 error failed\n  Error: x\n      at y\n');
});
