import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { LogStream, logStreamOf } from './log-stream.ts';

test('a follower is told each line, of children too, until it stops', () => {
  const written: string[] = [];
  const log = pino({}, new LogStream({ write: (line) => void written.push(line) }));
  const followed: string[] = [];
  log.info('before');
  const stop = logStreamOf(log.child({ part: 'x' }))?.follow((line) => followed.push(line));
  log.child({ part: 'y' }).warn('one');
  stop?.();
  log.info('after');
  assert.equal(written.length, 3);
  assert.deepEqual(followed, [written[1]]);
  assert.equal(logStreamOf(pino({ level: 'silent' })), undefined);
});
