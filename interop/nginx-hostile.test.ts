import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import type {
  Listener,
  NamedMatch,
  RouteAction,
  TrafficModel,
  WeightedTarget,
} from '@portolan/core/traffic/model.ts';
import { type Parsed, parseConfiguration } from '@portolan/server/outlets/nginx/nginx-parser.fixture.ts';
import { askNginx } from '@portolan/server/outlets/nginx/nginx-program.ts';
import { type Directive, readBack, writeConfiguration } from '@portolan/server/outlets/nginx/nginx-writer.ts';
import { clusterOf, direct, endpointAt, modelOf } from '@portolan/server/outlets/nginx/traffic.fixture.ts';
import { type Translation, translate } from '@portolan/server/outlets/nginx/translate.ts';
import { tryConfiguration } from '@portolan/server/outlets/nginx/trial.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import fc from 'fast-check';

const listen = { address: '127.0.0.1', port: 8081 };

/** What an attacker would write: nginx' own punctuation, its variables, its directives, and any Unicode. */
const nasty = fc.constantFrom(
  ...[
    '"',
    "'",
    '\\',
    '\\"',
    '$',
    '${',
    '$host',
    `$\{host}`,
    '{',
    '}',
    ';',
    '; }',
    '#',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '\0',
  ],
  ...[
    '~',
    '~*',
    '@',
    '=',
    '*',
    '/',
    '//',
    '..',
    '%2f',
    ':',
    '[::1]',
    '\u2028',
    '\u00a0',
    '\ufeff',
    '💥',
    'é',
    'İ',
    '\ud800',
  ],
  ...[
    'return 200;',
    '} server { listen 1; ',
    'include /etc/passwd;',
    'load_module x.so;',
    'proxy_pass http://evil;',
  ],
);
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .array(fc.oneof(nasty, fc.string({ maxLength: 4 })), { minLength: 1, maxLength: 12 })
    .map((parts) => parts.join('')),
);

function intended(directives: readonly Directive[]): Parsed[] {
  return directives.map((one) => ({
    name: one.name,
    args: one.args.map(readBack),
    block: one.block && intended(one.block),
  }));
}

/** The tree without what it says: directives, their blocks, how many arguments each has. */
function shape(parsed: readonly Parsed[]): unknown {
  return parsed.map(({ name, args, block }) => [name, args.length, block && shape(block)]);
}

/** Every value at every place of the model at which somebody could put one. */
function modelWith(values: readonly string[]): TrafficModel {
  const hosts = values.flatMap((value, index) => [
    [
      `h${index}.localhost`,
      [
        [`/${value}`, 'by prefix'],
        ['/body', direct(200, value)],
        ['/type', direct(200, 'x', value)],
        ['/', `${index} ${value}`],
      ],
    ] as const,
    [`${value}.${index}`, [['/', direct(200, 'host')]]] as const,
    // In patterns, conditions, addresses and shares.
    [
      `r${index}.localhost`,
      [
        [
          '/',
          'by prefix',
          { match: { path: { type: 'exact', value: `/${value}` }, methods: ['GET', value] } },
        ],
        ['/', 'by prefix', { match: { path: { type: 'segments', value: `/${value}`, ignoreCase: true } } }],
        ['/', 'by prefix', { match: { path: { type: 'prefix', value: '/h' }, headers: headersOf(value) } }],
        ['/', 'by prefix', { match: { path: { type: 'regex', value } } }],
        ['/a', redirectTo({ location: value })],
        ['/b', redirectTo({ host: value, path: { type: 'full', value: `/${value}` } })],
        [
          '/',
          {
            type: 'forward',
            targets: [
              { weight: 1, cluster: `${index} ${value}` },
              { weight: 2, cluster: 'by prefix' },
            ],
          },
        ],
      ],
    ] as const,
  ]);
  const model = modelOf({
    hosts: Object.fromEntries(hosts),
    tcp: Object.fromEntries(values.map((value, index) => [10_000 + index, `${index} ${value}`])),
    clusters: [
      clusterOf('by prefix', [endpointAt('127.0.0.1', 1)]),
      ...values.map((value, index) => {
        const labels = { [value]: value, tags: value };
        const endpoints = [
          endpointAt('127.0.0.1', 1, { id: value, labels }),
          endpointAt(value, 1),
          endpointAt(`::1${value}`, 1),
        ];
        return clusterOf(`${index} ${value}`, endpoints);
      }),
    ],
  });
  const streams = values.flatMap((value, index): readonly Listener[] => [
    {
      name: `udp ${value}`,
      protocol: 'udp',
      bind: { address: '127.0.0.1', port: 20_000 + index },
      targets: sharesOf(value, index),
    },
    { name: `address ${value}`, protocol: 'tcp', bind: { address: value, port: 30_000 }, targets: [] },
  ]);
  const tls: Listener = { name: 'tls', protocol: 'tls', bind: { port: 40_000 }, table: 'tls' };
  return {
    ...model,
    listeners: new Map(
      [...model.listeners.values(), ...streams, tls].map((listener) => [listener.name, listener]),
    ),
    tlsHosts: new Map(
      values.map((value, index) => [
        value,
        {
          ...{ name: value, table: 'tls', serverNames: [value, `*.${value}`, `${index}.localhost`] },
          action: { type: 'passthrough', targets: sharesOf(value, index) },
        } as const,
      ]),
    ),
  };
}

function headersOf(value: string): readonly NamedMatch[] {
  const types = ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const;
  return [
    ...types.map((type) => ({ type, name: 'x-canary', value })),
    { type: 'present', name: value, value: '' },
  ];
}

function redirectTo(more: Partial<Extract<RouteAction, { type: 'redirect' }>>): RouteAction {
  return { type: 'redirect', status: 302, ...more };
}

function sharesOf(value: string, index: number): readonly WeightedTarget[] {
  return [{ weight: 1, cluster: 'by prefix' }, { weight: 3, cluster: `${index} ${value}` }, { weight: 1 }];
}

function translated(model: TrafficModel): Translation {
  return translate(model, {
    listen,
    balance: 'round-robin',
    ownsDefault: true,
    addressOf: (address) => address,
    refusedDoors: new Map(),
  });
}

test('10,000 hostile values, each at every place of the model: the file is the intended tree, and nginx takes it', async (t) => {
  const binary = requireProgram(t, 'nginx');
  if (binary === undefined) return;
  const program = await askNginx(binary);
  const seed = 20_260_101;
  const values = fc.sample(hostile, { numRuns: 10_000, seed });
  const batch = 500;
  for (let at = 0; at < values.length; at += batch) {
    const translation = translated(modelWith(values.slice(at, at + batch)));
    for (const part of [translation.http, translation.stream]) {
      assert.deepEqual(parseConfiguration(writeConfiguration(part)), intended(part));
    }
    assert.equal(await tryConfiguration(program, translation), undefined, `values ${at}…, seed ${seed}`);
  }
});

test('names, tags and metadata change no directive: the tree has the shape that harmless ones give', () => {
  const modelOfNames = (values: readonly string[]) =>
    modelOf({
      hosts: Object.fromEntries(
        values.map((value, index) => [
          `h${index}.localhost`,
          [
            ['/', value],
            ['/body', direct(200, value)],
          ] as const,
        ]),
      ),
      tcp: Object.fromEntries(values.map((value, index) => [10_000 + index, value])),
      clusters: values.map((value) =>
        clusterOf(value, [endpointAt('127.0.0.1', 1, { id: value, labels: { [value]: value } })]),
      ),
    });
  const shapeOf = (values: readonly string[]) => {
    const { http, stream } = translated(modelOfNames(values));
    return shape(parseConfiguration(writeConfiguration([...http, ...stream])));
  };
  fc.assert(
    fc.property(fc.uniqueArray(hostile, { minLength: 1, maxLength: 8 }), (values) => {
      // Upstreams are in the order of their names.
      const sorted = [...values].sort();
      assert.deepEqual(shapeOf(sorted), shapeOf(sorted.map((_, index) => `name${index}`)));
    }),
    { numRuns: 1_000 },
  );
});

function answerOf(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/', headers: { host }, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    });
    outgoing.end();
  });
}

test('nginx answers with hostile text byte by byte: no variable is looked up, no escape left over', async (t) => {
  if (requireProgram(t, 'nginx') === undefined) return;
  const port = await freePort();
  const values = fc.sample(hostile, { numRuns: 300, seed: 7 }).map((value) => value.toWellFormed());
  const model = modelOf({
    hosts: Object.fromEntries(
      values.map((value, index) => [`h${index}.localhost`, [['/', direct(200, value)]] as const]),
    ),
  });
  const { http } = translate(model, {
    ...{
      balance: 'round-robin',
      ownsDefault: true,
      addressOf: (address) => address,
      refusedDoors: new Map(),
    },
    listen: { address: '127.0.0.1', port },
  });
  await launchNginx({ http: writeConfiguration(http), test: t });
  await waitUntil(() => answerOf(port, 'h0.localhost'));
  for (const [index, value] of values.entries()) {
    assert.equal(await answerOf(port, `h${index}.localhost`), value, JSON.stringify(value));
  }
});
