import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canFollow, followedUpstream, followsDns } from './followed-upstream.ts';
import { writeConfiguration } from './nginx-writer.ts';
import { clusterOf, endpointAt } from './traffic.fixture.ts';

test('which nginx can follow DNS', () => {
  assert.deepEqual(['1.27.3', '1.28.0', '1.30.6', '2.0.0', '1.27.10-mod'].map(followsDns), [
    true,
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(['1.27.2', '1.22.1', '0.9.9', 'unknown', ''].map(followsDns), [
    false,
    false,
    false,
    false,
    false,
  ]);
});

test('the text does not change with the endpoints, and no name of a user is in it but as text', () => {
  const resolver = { address: '::1', port: 8600 };
  const written = (count: number): string =>
    writeConfiguration([
      followedUpstream(
        clusterOf(
          'a "b" $c;',
          Array.from({ length: count }, (_, at) => endpointAt('10.0.0.1', 1_000 + at)),
        ),
        resolver,
        'least-conn',
        'http',
      ),
    ]);
  assert.equal(written(1), written(64));
  assert.match(written(65), /zone [^ ]+ 128k;/);
  assert.match(written(1), /resolver \[::1\]:8600 valid=1s/);
  assert.match(
    written(1),
    /least_conn;\n.*server c[0-9a-f]+\.upstreams\.portolan\.internal service=portolan resolve max_fails=5/,
  );
});

test('endpoints that are known by name are not followed', () => {
  assert.ok(canFollow(clusterOf('a', [endpointAt('10.0.0.1', 80), endpointAt('::1', 80)])));
  assert.ok(!canFollow(clusterOf('a', [endpointAt('db.test', 80)])));
});
