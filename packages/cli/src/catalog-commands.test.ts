import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { startTestServer, type TestServer } from '@portolan/server/frontends/consul/test-server.fixture.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { type CliOptions, type CliResult, runCli } from './run-cli.fixture.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

function portolan(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return runCli(argv, { ...options, env: { PORTOLAN_SERVER: server.url, ...options.env } });
}

/** What went well, and only then. */
async function data(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await portolan(argv);
  assert.deepEqual({ code, err }, { code: 0, err: '' });
  return out;
}

beforeEach(async () => {
  for (const id of Object.keys((await server.get('/v1/agent/services')).json as object)) {
    if (id !== 'consul') await server.put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`);
  }
});

test('register prints the id, services and resolve show the instance', async () => {
  assert.equal(
    await data('register', 'web', '--port', '8000', '--tag', 'http', '--meta', 'version=v1'),
    'web-8000\n',
  );
  assert.equal(
    await data('register', 'web', '--port', '8001', '--check-tcp', '127.0.0.1:1', '--interval', '1m'),
    'web-8001\n',
  );
  assert.equal(await data('services'), 'NAME    PASSING  TAGS\nconsul  1/1      -\nweb     1/2      http\n');
  assert.equal(
    await data('services', 'web'),
    [
      'ID        ADDRESS         HEALTH    NODE    TAGS',
      'web-8000  127.0.0.1:8000  passing   node-1  http',
      'web-8001  127.0.0.1:8001  critical  node-1  -',
      '',
    ].join('\n'),
  );
  assert.equal(
    await data('services', 'web', '-o', 'wide', '--no-headers'),
    [
      'web-8000  127.0.0.1:8000  passing   node-1  http  version=v1  serfHealth=passing',
      'web-8001  127.0.0.1:8001  critical  node-1  -     -           serfHealth=passing,service:web-8001=critical',
      '',
    ].join('\n'),
  );
  assert.equal(await data('resolve', 'web', '-o', 'name'), '127.0.0.1:8000\n');
  assert.equal(await data('resolve', 'web', '--tag', 'http', '-o', 'name'), '127.0.0.1:8000\n');
});

test('the JSON forms keep their shape', async () => {
  assert.deepEqual(
    JSON.parse(await data('register', 'web', '--id', 'w', '--port', '1', '--meta', 'a=b=c', '-o', 'json')),
    {
      id: 'w',
      name: 'web',
    },
  );
  assert.deepEqual(JSON.parse(await data('services', '-o', 'json')), [
    { name: 'consul', tags: [], passing: 1, instances: 1 },
    { name: 'web', tags: [], passing: 1, instances: 1 },
  ]);
  assert.deepEqual(JSON.parse(await data('services', 'web', '--output=json')), [
    {
      service: 'web',
      id: 'w',
      node: 'node-1',
      address: '127.0.0.1',
      port: 1,
      health: 'passing',
      tags: [],
      metadata: { a: 'b=c' },
      checks: [
        {
          id: 'serfHealth',
          name: 'Serf Health Status',
          status: 'passing',
          output: 'Agent alive and reachable',
        },
      ],
    },
  ]);
  const status = JSON.parse(await data('status', '-o', 'json'));
  assert.deepEqual(
    { ...status, listeners: [], version: '' },
    {
      server: server.url,
      node: 'node-1',
      datacenter: 'dc1',
      version: '',
      leader: '127.0.0.1:8300',
      services: 2,
      listeners: [],
    },
  );
});

test('deregister takes out one instance, or all of a service', async () => {
  for (const port of ['1', '2', '3']) await data('register', 'web', '--port', port);
  assert.equal(await data('deregister', 'web-1', '-o', 'name'), 'web-1\n');
  assert.deepEqual(JSON.parse(await data('deregister', '--name', 'web', '-o', 'json')), [
    { id: 'web-2' },
    { id: 'web-3' },
  ]);
  assert.equal((await portolan(['services', 'web'])).code, 3);
  const again = await portolan(['deregister', 'web-1']);
  assert.equal(again.code, 3);
  assert.match(again.err, /no instance 'web-1' is registered at this server/);
  assert.equal((await portolan(['deregister'])).code, 2);
  assert.equal((await portolan(['deregister', 'x', '--name', 'y'])).code, 2);
});

test('a name that is not there is answered with those that are near', async () => {
  await data('register', 'reviews', '--port', '1');
  for (const argv of [
    ['services', 'reviws'],
    ['resolve', 'reveiws'],
  ]) {
    const { code, out, err } = await portolan(argv);
    assert.equal(code, 3);
    assert.equal(out, '');
    assert.match(err, /Did you mean reviews\?/);
  }
});

test('resolve says that nothing passes, and --wait waits until something does', async () => {
  await data('register', 'job', '--check-ttl', '1h');
  const none = await portolan(['resolve', 'job']);
  assert.equal(none.code, 3);
  assert.match(none.err, /none of the 1 instances of 'job' is passing/);
  await server.put('/v1/agent/check/fail/service:job?note=disk%20full%0Aon%20sda');
  assert.match(await data('services', 'job', '-o', 'wide'), /service:job=critical \(disk full\)\n/);
  const waiting = portolan(['resolve', 'job', '--wait', '-o', 'json']);
  await server.put('/v1/agent/check/pass/service:job');
  const { code, json } = await waiting;
  assert.equal(code, 0);
  assert.equal((json as { id: string }[])[0]?.id, 'job');
  const late = await portolan(['resolve', 'nothing', '--wait', '--timeout', '200ms']);
  assert.equal(late.code, 6);
  assert.match(late.err, /no instance of 'nothing' was passing within 200 ms/);
});

test('what others registered cannot steer the terminal', async () => {
  const { status, text } = await server.put('/v1/agent/service/register', {
    Name: 'evil',
    Tags: ['\u202eabc'],
    Meta: { key: 'a\u0007\u001b[2Jb\nc' },
  });
  assert.equal(status, 200, text);
  const out = await data('services', 'evil', '-o', 'wide');
  assert.equal(out.split('\n').length, 3);
  assert.match(out, /\\u202eabc/);
  assert.match(out, /key=a\\u0007\\u001b\[2Jb\\u000ac/);
});

test('colours are for terminals that want them', async () => {
  await data('register', 'web', '--port', '1');
  const colored = await portolan(['services'], { terminal: true });
  assert.notEqual(stripVTControlCharacters(colored.out), colored.out);
  const plain = (await portolan(['services'])).out;
  for (const quiet of [
    await portolan(['services', '--no-color'], { terminal: true }),
    await portolan(['services'], { terminal: true, env: { NO_COLOR: '1' } }),
    await portolan(['services'], { terminal: true, env: { TERM: 'dumb' } }),
  ]) {
    assert.equal(quiet.out, plain);
  }
});

test('a server that is not there is exit code 6 and the way to start one', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, err } = await portolan(['services', '--server', url]);
  assert.equal(code, 6);
  assert.match(
    err,
    /cannot reach http:\/\/127.0.0.1:\d+: ECONNREFUSED\n {2}Is the server running\? .*--server URL/,
  );
  const json = await portolan(['services', '--server', url, '-o', 'json']);
  assert.equal(json.out, '');
  const { error } = JSON.parse(json.err);
  assert.equal(error.code, 'unavailable');
  assert.equal(error.exitCode, 6);
});

test('the server and the token come from flags and from both families of variables', async () => {
  const consul = await runCli(['services', '-o', 'name'], {
    env: { CONSUL_HTTP_ADDR: server.url.replace('http://', '') },
  });
  assert.deepEqual([consul.code, consul.out], [0, 'consul\n']);
  const flag = await runCli(['services', '-o', 'name', '--server', server.url], {
    env: { PORTOLAN_SERVER: 'http://127.0.0.1:1' },
  });
  assert.equal(flag.code, 0);
  const missing = await portolan(['services', '--token-file', '/nonexistent/token']);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /--token-file: cannot read '\/nonexistent\/token'/);
  const broken = await portolan(['services'], { env: { CONSUL_HTTP_TOKEN: 'a\nb' } });
  assert.equal(broken.code, 2);
  assert.match(broken.err, /token: it has a space, a line break/);
});

test('bad input names the flag and the fix', async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['register', 'x', '--port', '70000'], /--port: '70000' is not a port; use 1 to 65535/],
    [['register', 'x', '--port', '0x50'], /--port: '0x50' is not a port/],
    [['register', 'x', '--meta', 'novalue'], /--meta: 'novalue' is not KEY=VALUE/],
    [['register', 'x', '--check-ttl', '10'], /--check-ttl: '10' is not a duration; write something like 10s/],
    [['register', 'x', '--interval', '1s'], /--interval: there is no check it belongs to; add --check-http/],
    [['register', ''], /name: give the service a name/],
    [['services', '--timeout', '5'], /--timeout: '5' is not a duration/],
    [['services', '--server', 'ftp://x'], /server: 'ftp:\/\/x' is not the address of a registry; use http/],
    [['services', '..'], /cannot be a name/],
    [['services', '--severs', 'x'], /unknown option '--severs'/],
    [['services', '--servre', 'x'], /Did you mean --server\?/],
    [['servcies'], /unknown command 'servcies'\n {2}\(Did you mean services\?\)\n {2}'portolan --help'/],
    [['kv', 'gte'], /Did you mean get\?.*\n {2}'portolan kv --help'/],
    [['resolve'], /missing required argument 'name'\n {2}'portolan resolve --help'/],
    [['services', '-o', 'xml'], /Allowed choices are table, wide, json, yaml, name/],
  ];
  for (const [argv, pattern] of cases) {
    const { code, out, err } = await portolan(argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(err, pattern);
    const json = await portolan([...argv.slice(0, 1), '-o', 'json', ...argv.slice(1)]);
    if (argv.includes('xml') || argv[0] === 'kv' || argv[0] === 'servcies') continue;
    assert.equal(JSON.parse(json.err).error.code, 'invalid', argv.join(' '));
  }
});

test('YAML says the same as JSON', async () => {
  const { parse } = await import('yaml');
  await data(
    'register',
    'web',
    '--port',
    '1',
    '--tag',
    'yes',
    '--tag',
    '1.0',
    '--meta',
    'a= x: "y"',
    '--meta',
    'no=#',
  );
  for (const argv of [['services'], ['services', 'web'], ['status'], ['resolve', 'web']]) {
    assert.deepEqual(parse(await data(...argv, '-o', 'yaml')), JSON.parse(await data(...argv, '-o', 'json')));
  }
});

test('a name that nothing can find, and an interval that nobody keeps, are warned of', async () => {
  const odd = await portolan(['register', 'we b', '--port', '80']);
  assert.equal(odd.code, 0);
  assert.match(odd.err, /"we b" is registered, but DNS and the gateway cannot find it/);
  const often = ['register', 'often', '--port', '80', '--check-tcp', '127.0.0.1:1', '--interval', '1ms'];
  assert.match((await portolan(often)).err, /--interval: checks run once a second at most/);
  assert.equal((await portolan(['register', 'plain', '--port', '80'])).err, '');
});

test('a server that speaks HTTP but is no registry is said to be none', async (t) => {
  const gateway = createServer((_, response) => response.writeHead(404).end('default backend - 404\n'));
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  t.after(() => gateway.close());
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const { code, err } = await runCli(['status', '--server', url]);
  assert.equal(code, 6);
  assert.match(err, /is neither a Portolan API nor a Consul agent \(default backend - 404/);
});
