import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TrafficModel } from '@portolan/core/traffic/model.ts';
import fc from 'fast-check';
import { type Parsed, parseConfiguration } from './nginx-parser.fixture.ts';
import { type Directive, writeConfiguration } from './nginx-writer.ts';
import { clusterOf, direct, endpointAt, type ModelSketch, modelOf } from './traffic.fixture.ts';
import { type TranslateOptions, translate, withGeneration } from './translate.ts';

const options: TranslateOptions = {
  listen: { address: '127.0.0.1', port: 8081 },
  balance: 'round-robin',
  ownsDefault: true,
  addressOf: (address) => (address === 'db.internal' ? '10.0.0.7' : address),
  refusedDoors: new Map(),
};

function translated(sketch: ModelSketch, more: Partial<TranslateOptions> = {}) {
  return translate(modelOf(sketch), { ...options, ...more });
}

/** `UPDATE_GOLDEN=1` writes them anew. */
function golden(name: string, directives: readonly Directive[]): void {
  const file = new URL(`./testdata/${name}.conf`, import.meta.url);
  const text = writeConfiguration(directives);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

const web = clusterOf('web', [
  endpointAt('10.0.0.1', 80, { weight: 3 }),
  endpointAt('fd00::1', 81),
  endpointAt('10.0.0.3', 82, { state: 'draining' }),
]);
const shop: ModelSketch = {
  hosts: {
    'web.localhost': [
      ['/healthz', direct(200, 'costs $5 {ok};\n')],
      ['/api/', 'web', { timeoutMs: 2_000 }],
      ['/api/hidden', 'nobody'],
      ['/', 'web', { retry: { retries: 0, on: [], perTryTimeoutMs: 0 } }],
    ],
    '*.example.org': [['/only', 'empty']],
  },
  tcp: { 3306: 'mysql-3306', 5432: 'empty' },
  clusters: [
    web,
    clusterOf('empty', []),
    clusterOf('mysql-3306', [endpointAt('db.internal', 3306, { weight: 0 })]),
  ],
};

test('a model with everything becomes the http part in testdata', () => {
  const { http, problems, hosts } = withGeneration(translated(shop), 'GENERATION', options.listen);
  golden('http', http);
  assert.deepEqual(problems, []);
  assert.deepEqual(hosts, { count: 2, longest: 13 });
});

test('a model with everything becomes the stream part in testdata, with least_conn', () => {
  const { stream, doors } = translated(shop, { balance: 'least-conn' });
  golden('stream', stream);
  assert.deepEqual(doors, ['tcp 127.0.0.1:3306', 'tcp 127.0.0.1:5432']);
});

test('the hash is that of the text: equal for equal models, another for every change', () => {
  const same = translated(shop).hash;
  assert.equal(translated(shop).hash, same);
  assert.notEqual(translated({ ...shop, tcp: {} }).hash, same);
  assert.notEqual(translated({ ...shop, hosts: {} }).hash, same);
  assert.notEqual(translated(shop, { listen: { address: '127.0.0.1', port: 8082 } }).hash, same);
});

test('what nginx cannot say is left out and told; the rest is written', () => {
  const { http, problems, doors } = translated(
    {
      hosts: {
        'web.localhost': [
          ['no-slash', 'web'],
          [`/${'x'.repeat(255)}`, 'web'],
          ['/zero\0byte', 'web'],
          ['/moved', direct(301, 'elsewhere')],
          ['/type', direct(200, 'x', 'text/html\r\nSet-Cookie: a')],
          ['/long', direct(200, 'x'.repeat(5_000))],
          ['/', 'web'],
        ],
        '~^.*$': [['/', 'web']],
        'sp ace': [['/', 'web']],
      },
      tcp: { 8081: 'web', 70000: 'web', 81: 'web' },
      clusters: [clusterOf('web', [endpointAt('10.0.0.1', 80), endpointAt('evil.example; include x', 80)])],
    },
    { refusedDoors: new Map([['tcp 127.0.0.1:81', 'another program has it']]) },
  );
  assert.deepEqual(doors, []);
  assert.deepEqual(
    problems.map((problem) => problem.replace(/x{9,}/, '…').replace(/^.*: (?=\S)/, '')),
    [
      '"evil.example; include x" has no IP address',
      'there is no such port',
      'nginx.listen has it',
      'another program has it',
      'not a host name that nginx takes',
      'not a host name that nginx takes',
      'its path prefix "no-slash" must begin with "/"',
      'its path prefix "/…" must be at most 255 bytes long',
      'its path prefix "/zero\\u0000byte" must not hold control characters',
      'nginx cannot give one with status 301',
      'its content type is not printable ASCII',
      'its body is too long',
    ],
  );
  const text = writeConfiguration(http);
  assert.match(text, /server_name "web.localhost";/);
  assert.doesNotMatch(text, /evil|sp ace/);
});

test('two hosts that claim one name: the first by name has it', () => {
  const model = modelOf({
    hosts: { a: [['/', direct(200, 'a')]], b: [['/', direct(200, 'b')]] },
  });
  const both = new Map(
    [...model.virtualHosts].map(([name, host]) => [name, { ...host, domains: ['shared', name] }]),
  );
  const { http } = translate({ ...model, virtualHosts: both }, options);
  const names = parsed(http)
    .filter(({ name }) => name === 'server')
    .map((server) => server.block?.find(({ name }) => name === 'server_name')?.args);
  assert.deepEqual(names, [[''], ['shared', 'a'], ['b']]);
});

function parsed(directives: readonly Directive[]): Parsed[] {
  return parseConfiguration(writeConfiguration(directives));
}

/** Which location nginx takes: the exact one, else the longest prefix. */
function chosenByNginx(locations: readonly Parsed[], path: string): Parsed | undefined {
  const exact = locations.find(({ args }) => args[0] === '=' && args[1] === path);
  if (exact !== undefined) return exact;
  const prefixes = locations.filter(({ args }) => args.length === 1 && path.startsWith(args[0] ?? ' '));
  return prefixes.sort((left, right) => (right.args[0] ?? '').length - (left.args[0] ?? '').length)[0];
}

const segment = fc.constantFrom('a', 'ab', 'b', '');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);

test('nginx takes the route that the model takes, whatever the order of prefixes', () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 6 }), path, (prefixes, asked) => {
      const routes = prefixes.map((prefix, index) => [prefix, direct(200, `route ${index}`)] as const);
      const { http } = translated({ hosts: { h: routes } });
      const servers = parsed(http).filter(({ name }) => name === 'server');
      const locations = (servers[1]?.block ?? []).filter(({ name }) => name === 'location');
      const answer = chosenByNginx(locations, asked)?.block?.find(({ name }) => name === 'return')?.args[1];
      const first = prefixes.findIndex((prefix) => asked.startsWith(prefix));
      assert.equal(answer, first === -1 ? 'default backend - 404\n' : `route ${first}`);
      const keys = locations.map(({ args }) => args.join(' '));
      assert.equal(new Set(keys).size, keys.length, 'no location twice');
    }),
    { numRuns: 1_000 },
  );
});

test('no model makes the translation throw', () => {
  const any = fc.string({ unit: 'binary', maxLength: 30 });
  const sketch = fc.record({
    hosts: fc.dictionary(
      any,
      fc.array(fc.tuple(any, fc.oneof(any, fc.tuple(fc.integer(), any, any))), { maxLength: 3 }),
    ),
    clusters: fc.array(fc.tuple(any, fc.array(fc.tuple(any, fc.integer(), fc.double()), { maxLength: 3 })), {
      maxLength: 3,
    }),
  });
  fc.assert(
    fc.property(sketch, ({ hosts, clusters }) => {
      const model: TrafficModel = modelOf({
        hosts: Object.fromEntries(
          Object.entries(hosts).map(([host, routes]) => [
            host,
            routes.map(
              ([prefix, action]) =>
                [prefix, typeof action === 'string' ? action : direct(...action)] as const,
            ),
          ]),
        ),
        clusters: clusters.map(([name, endpoints]) =>
          clusterOf(
            name,
            endpoints.map(([address, port, weight]) => endpointAt(address, port, { weight })),
          ),
        ),
      });
      const { http, stream } = translate(model, options);
      parseConfiguration(writeConfiguration([...http, ...stream]));
    }),
  );
});
