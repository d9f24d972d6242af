import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AccessEntry, accessVariables, lineFormat, unknownVariable } from './access-format.ts';

const wallMs = Date.UTC(2026, 10, 21, 6, 20, 26, 123);

function entryOf(overrides: Partial<AccessEntry> = {}): AccessEntry {
  return {
    ...{
      method: 'GET',
      host: 'shop.example',
      path: '/a?b=1',
      status: 200,
      requestBytes: 3,
      responseBytes: 45,
    },
    ...{ durationMs: 12.3456, client: '10.0.0.1', requestId: 'r1', userAgent: 'curl/8', cluster: 'web' },
    ...{ upstream: '10.0.0.2:80', tries: 1, flag: '', protocol: 'HTTP/1.1', scheme: 'https', route: 'web' },
    ...overrides,
  };
}

test('a text has its variables replaced', () => {
  const line = lineFormat(
    '$remote_addr \u0024{status}x "$request" $request_time $$ $upstream_addr $flag $trace_id|$route',
  );
  assert.equal(line(entryOf(), wallMs), '10.0.0.1 200x "GET /a?b=1 HTTP/1.1" 0.012 $ 10.0.0.2:80 - -|web');
  assert.equal(
    lineFormat('$time_iso8601 $msec')(entryOf(), wallMs),
    '2026-11-21T06:20:26.123Z 1795242026.123',
  );
});

test('combined is what log analysers read', () => {
  const line = lineFormat('combined')(entryOf({ referer: 'http://x/' }), wallMs);
  assert.match(
    line,
    /^10\.0\.0\.1 - - \[\d\d\/Nov\/2026:\d\d:\d\d:26 [+-]\d{4}\] "GET \/a\?b=1 HTTP\/1\.1" 200 45 "http:\/\/x\/" "curl\/8"$/,
  );
});

test('a variable that there is not is named', () => {
  assert.equal(unknownVariable('$status $nothing'), '$nothing');
  assert.equal(unknownVariable('\u0024{status} $$ costs 5$'), undefined);
  assert.equal(unknownVariable(accessVariables.join(' ')), undefined);
});

test('JSON keeps every value, and has the fields that are known', () => {
  const entry = entryOf({ userAgent: 'a "b" \\ \u00e4\n', traceId: 'f'.repeat(32), referer: '' });
  const read = JSON.parse(lineFormat('json')(entry, wallMs));
  assert.deepEqual(
    [read.time, read.userAgent, read.route, read.traceId, read.scheme, read.durationMs, 'referer' in read],
    ['2026-11-21T06:20:26.123Z', entry.userAgent, 'web', entry.traceId, 'https', 12.346, false],
  );
});

test('no value can end its field or its line, whatever a client sends', () => {
  const octets = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  const quoted = lineFormat('"$http_user_agent" "$request_uri" "$http_referer"');
  fc.assert(
    fc.property(octets, octets, octets, (userAgent, path, referer) => {
      const entry = entryOf({ userAgent, path, referer });
      assert.match(quoted(entry, wallMs), /^"[ !#-~]+" "[ !#-~]+" "[ !#-~]+"$/);
      const json = lineFormat('json')(entry, wallMs);
      assert.match(json, /^[ -~]+$/);
      assert.equal(JSON.parse(json).path, path);
    }),
  );
});
