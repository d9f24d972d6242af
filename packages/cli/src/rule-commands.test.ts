import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type TestServer, testServer } from '@portolan/server/server.fixture.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { type CliOptions, type CliResult, runCli } from './run-cli.fixture.ts';

type Portolan = (argv: readonly string[], options?: CliOptions) => Promise<CliResult>;

interface Rig {
  readonly server: TestServer;
  readonly portolan: Portolan;
  /** Writes a file, and returns its path. */
  file(name: string, text: string): string;
  readonly directory: string;
}

async function rig(t: TestContext): Promise<Rig> {
  const server = await testServer(t);
  const directory = tempDir('cli');
  t.after(() => directory.remove());
  return {
    server,
    directory: directory.path,
    portolan: (argv, options = {}) => runCli(argv, { ...options, env: { PORTOLAN_SERVER: server.url } }),
    file(name, text) {
      const path = join(directory.path, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
  };
}

function service(name: string, port: number | string, more = ''): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}${more}}\nspec: {ports: [{port: ${port}}]}\n`;
}

const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`;

/** Times and revisions differ from run to run. */
function steady(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replaceAll(/ +/g, ' ');
}

test('apply takes files, directories and stdin, and says what became of each resource', async (t) => {
  const { portolan, file, directory } = await rig(t);
  file('m/a.yaml', `${service('web', 80)}---\n${ingress}`);
  file('m/sub/b.yaml', service('deep', 80));
  file('m/notes.txt', 'nothing');
  const first = await portolan(['apply', '-f', join(directory, 'm')]);
  assert.deepEqual(
    [first.code, first.out],
    [0, 'Service default/web created\nIngress default/web created\n'],
  );
  const again = await portolan(['apply', '-R', '-f', join(directory, 'm')]);
  assert.equal(
    again.out,
    'Service default/web unchanged\nIngress default/web unchanged\nService default/deep created\n',
  );
  const piped = await portolan(['apply', '-f', '-', '-n', 'shop'], { stdin: service('piped', 80) });
  assert.equal(piped.out, 'Service shop/piped created\n');
  const named = await portolan(['apply', '-f', '-', '-o', 'name'], { stdin: service('piped', 80) });
  assert.equal(named.out, 'service/piped\n');
});

test('what is refused is told with its place, and is exit code 1; the rest is applied', async (t) => {
  const { portolan, file } = await rig(t);
  const path = file(
    'bad.yaml',
    `${service('a', 'x')}---\n${service('b', 80)}---\nkind: Deployment\napiVersion: apps/v1\n`,
  );
  const { code, out, err } = await portolan(['apply', '-f', path]);
  assert.deepEqual([code, out], [1, 'Service default/a refused\nService default/b created\n']);
  assert.match(err, /bad\.yaml:4:17: error: spec\.ports\[0\]\.port must be a whole number/);
  assert.match(err, /bad\.yaml:11:1: info: kind is "Deployment"/);
  const json = await portolan(['apply', '-f', path, '-o', 'json']);
  assert.equal(json.code, 1);
  assert.partialDeepStrictEqual(json.json, {
    refused: 1,
    results: [{ outcome: 'refused', problems: [{ line: 4, column: 17 }] }],
  });
});

test('a stale resourceVersion is exit code 5', async (t) => {
  const { portolan } = await rig(t);
  await portolan(['apply', '-f', '-'], { stdin: service('web', 80) });
  const { out } = await portolan(['get', 'service', 'web', '-o', 'yaml']);
  await portolan(['apply', '-f', '-'], { stdin: service('web', 81) });
  const stale = await portolan(['apply', '-f', '-'], { stdin: out });
  assert.equal(stale.code, 5);
  assert.match(stale.err, /is at resourceVersion \d+, not at \d+/);
  const fresh = await portolan(['get', 'service', 'web', '-o', 'yaml']);
  assert.equal(
    (await portolan(['apply', '-f', '-'], { stdin: fresh.out })).out,
    'Service default/web unchanged\n',
  );
});

test('diff shows manifests and routes, and its exit code says whether anything would change', async (t) => {
  const { portolan, file } = await rig(t);
  const path = file('web.yaml', `${service('web', 80)}---\n${ingress}`);
  await portolan(['apply', '-f', path]);
  const same = await portolan(['diff', '-f', path]);
  assert.deepEqual([same.code, same.out], [0, '']);
  file('web.yaml', `${service('web', 81)}---\n${ingress}`);
  const changed = await portolan(['diff', '-f', path]);
  assert.equal(changed.code, 1);
  assert.match(changed.out, /^--- stored: Service default\/web\n\+\+\+ given: Service default\/web\n@@ /);
  assert.match(changed.out, /\n- {4}- port: 80\n\+ {4}- port: 81\n/);
  assert.match(
    changed.out,
    /\n--- routes of shop\.example\.com\n.*\n@@ -1 \+1 @@\n-.*-> web:80\n\+.*-> status 503\n/,
  );
  assert.match(changed.err, /has no port 80/);
  file('web.yaml', service('web', 'x'));
  assert.equal((await portolan(['diff', '-f', path])).code, 2);
  assert.match((await portolan(['get', 'svc', 'web', '-o', 'yaml'])).out, /port: 80/);
});

test('get lists, shows, selects and names', async (t) => {
  const { portolan } = await rig(t);
  const stdin = [
    service('web', 80, ', labels: {app: web}'),
    service('b', 80),
    service('c', 80, ', namespace: shop'),
    ingress,
  ].join('---\n');
  await portolan(['apply', '-f', '-'], { stdin });
  const listed = async (...argv: readonly string[]): Promise<string> =>
    steady((await portolan(['get', ...argv])).out);
  assert.equal(
    await listed('services', '-A'),
    'NAMESPACE NAME TYPE CLUSTER-IP PORTS STATE REVISION CREATED\n' +
      'default b ClusterIP 127.99.61.235 80/TCP ok 3 TIME\ndefault web ClusterIP 127.105.244.101 80/TCP ok 2 TIME\nshop c ClusterIP 127.97.5.59 80/TCP ok 4 TIME\n',
  );
  assert.equal(await listed('svc', '-l', 'app=web', '-o', 'name'), 'service/web\n');
  assert.equal(await listed('Service', '-n', 'shop', '-o', 'name'), 'service/c\n');
  assert.match(
    await listed('ing', 'web', '-o', 'wide'),
    /^NAME CLASS HOSTS ADDRESS TLS STATE .*OWNER PROBLEMS\nweb - shop\.example\.com - - ok .* portolan api -\n$/,
  );
  assert.match(await listed('kinds'), /\nhttproutes - gateway\.networking\.k8s\.io\/v1 HTTPRoute true 0\n/);
  assert.equal(await listed('gateways.networking.istio.io', '--no-headers'), '');
  assert.match(
    await listed('routes', 'shop.example.com', '--no-headers'),
    /^shop\.example\.com \/\* web:80 ingress\/default\/web\/0\/0\n$/,
  );
  const { json } = await portolan(['get', 'svc', 'web', '-o', 'json']);
  assert.partialDeepStrictEqual(json, {
    kind: 'Service',
    metadata: { name: 'web' },
    status: { portolan: { owner: { source: 'api' } } },
  });
  for (const [argv, code, pattern] of [
    [['get', 'ingres'], 2, /Did you mean ingresses/],
    [['get', 'svc', 'nothing'], 3, /There is no Service default\/nothing/],
    [['get', 'svc', 'web', '-A'], 2, /cannot be used together/],
    [['get', 'svc', '-l', 'a b'], 2, /labelSelector/],
  ] as const) {
    const result = await portolan(argv);
    assert.equal(result.code, code, argv.join(' '));
    assert.match(result.err, pattern);
  }
});

test('history, rollback and delete', async (t) => {
  const { portolan, file } = await rig(t);
  const path = file('web.yaml', service('web', 80));
  await portolan(['apply', '-f', path]);
  await portolan(['apply', '-f', '-'], { stdin: service('web', 81) });
  const lines = steady((await portolan(['history', 'svc', 'web'])).out).split('\n');
  assert.match(lines[1] ?? '', /^3 TIME updated \S+@\S+ yes$/);
  assert.match(lines[2] ?? '', /^2 TIME created \S+@\S+ -$/);
  assert.match((await portolan(['history', 'svc', 'web', '--revision', '2'])).out, /port: 80/);
  assert.equal(
    (await portolan(['rollback', 'svc', 'web'])).out,
    'Service default/web is again as it was at revision 2\n',
  );
  assert.equal(
    (await portolan(['rollback', 'svc', 'web', '--to-revision', '2'])).out,
    'Service default/web is already as it was at revision 2\n',
  );
  assert.equal((await portolan(['delete', '-f', path])).out, 'Service default/web deleted\n');
  const gone = await portolan(['delete', 'svc', 'web']);
  assert.deepEqual([gone.code, gone.err], [3, 'There is no Service default/web.\n']);
  assert.equal((await portolan(['delete', 'svc', 'web', '--ignore-not-found'])).code, 0);
  assert.equal((await portolan(['history', 'svc', 'web', '--revision', '5'])).code, 3);
  assert.equal((await portolan(['rollback', 'svc', 'web'])).code, 0);
  assert.match((await portolan(['get', 'svc', 'web', '-o', 'yaml'])).out, /port: 80/);
  for (const [argv, code, pattern] of [
    [['rollback', 'svc', 'web', '--to-revision', 'x'], 2, /'x' is no revision/],
    [['rollback', 'svc', 'web', '--to-revision', '999'], 3, /no version of revision 999/],
    [['history', 'svc', 'nothing'], 3, /no history/],
    [['delete'], 2, /a kind and a name are missing/],
    [['delete', 'svc', 'web', '-f', path], 2, /either a kind and a name, or -f/],
    [['apply'], 2, /-f, --filename/],
    [['apply', '-f', '/nonexistent'], 2, /cannot read '\/nonexistent'/],
  ] as const) {
    const result = await portolan(argv);
    assert.equal(result.code, code, argv.join(' '));
    assert.match(result.err, pattern);
  }
});

test('explain says which rule a request meets, why not an earlier one, and where it goes', async (t) => {
  const { portolan, server } = await rig(t);
  await portolan(['apply', '-f', '-'], { stdin: `${service('web', 80)}---\n${ingress}` });
  await server.call('PUT', '/portolan/v1/instances/web/w1', { port: 8000 });
  const { code, out } = await portolan([
    'explain',
    'http://shop.example.com/cart?x=1',
    '-H',
    'X-User: jason',
    '-X',
    'post',
  ]);
  assert.equal(code, 0);
  assert.equal(
    steady(out),
    [
      'Host shop.example.com is shop.example.com (shop.example.com), path /cart',
      '',
      'MATCHES RULE WHEN FAILED BECAUSE',
      'yes ingress/default/web/0/0 /*',
      '',
      'ingress/default/web/0/0 -> web:80',
      ' retries 2 on connect-failure,reset-before-response',
      ' 100% cluster web:80',
      ' 127.0.0.1:8000 healthy, weight 1 (n1/w1)',
      '',
    ].join('\n'),
  );
  assert.equal(
    (await portolan(['explain', 'shop.example.com/', '-o', 'name'])).out,
    'ingress/default/web/0/0\n',
  );
  const unknown = await portolan(['explain', 'other.example.com']);
  assert.deepEqual(
    [unknown.code, unknown.out],
    [3, 'No rule is for the host other.example.com: the gateway answers 404.\n'],
  );
  assert.equal((await portolan(['explain', '/path'])).code, 2);
  assert.equal((await portolan(['explain', 'a', '-H', 'nothing'])).code, 2);
});

test('kinds and names are completed', async (t) => {
  const { portolan } = await rig(t);
  await portolan(['apply', '-f', '-'], {
    stdin: `${service('web', 80)}---\n${service('c', 80, ', namespace: shop')}`,
  });
  const completed = async (...words: readonly string[]): Promise<string> =>
    (await portolan(['__complete', '--', ...words])).out;
  assert.equal(await completed('get', 'ingr'), 'ingresses\ningressclasses\n');
  assert.equal(await completed('get', 'ro'), 'routes\n');
  assert.equal(await completed('rollback', 'ro'), '');
  assert.equal(await completed('delete', 'svc', 'w'), 'web\n');
  assert.equal(await completed('history', '-n', 'shop', 'services', ''), 'c\n');
});
