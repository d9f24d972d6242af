import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import {
  checkRecord,
  type DnsRig,
  instanceRecord,
  nodeRecord,
  startDns,
} from '@portolan/server/outlets/dns/dns.fixture.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';

const run = promisify(execFile);

const n1 = nodeRecord('n1', '10.0.0.1', { metadata: labelsFrom({ env: 'prod' }) });
const n2 = nodeRecord('n2', '2001:db8::2');
const web1 = instanceRecord('web', 'n1', 'web-1', { tags: ['v1'], port: 8080 });
const web2 = instanceRecord('web', 'n2', 'web-2', {
  tags: ['v2'],
  address: '10.0.1.2',
  weights: { passing: 7, warning: 1 },
});
const sick = instanceRecord('web', 'n1', 'web-3', { address: '10.0.1.3' });
const big = Array.from({ length: 100 }, (_, index) =>
  instanceRecord('big', 'n1', `big-${index}`, { address: `10.3.0.${index}` }),
);
const records = [n1, n2, web1, web2, sick, checkRecord('n1', 'c', 'critical', sick), ...big];

interface Dug {
  readonly status: string;
  readonly flags: readonly string[];
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
  readonly text: string;
}

/** Runs dig as a user would, and reads what it prints. */
async function dig(path: string, port: number, ...args: string[]): Promise<Dug> {
  const { stdout } = await run(path, ['@127.0.0.1', '-p', String(port), '+tries=3', '+time=2', ...args]);
  const section = (title: string): string[] =>
    (new RegExp(`;; ${title} SECTION:\n((?:.+\n)*)`).exec(stdout)?.[1] ?? '')
      .trim()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'))
      .map((line) => line.replace(/\s+/g, ' '))
      .sort();
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? 'none',
    flags: (/;; flags: ([a-z ]*);/.exec(stdout)?.[1] ?? '').split(' '),
    answers: section('ANSWER'),
    authorities: section('AUTHORITY'),
    additionals: section('ADDITIONAL'),
    text: stdout,
  };
}

async function subject(
  t: TestContext,
): Promise<{ rig: DnsRig; ask: (...args: string[]) => Promise<Dug> } | undefined> {
  const path = requireProgram(t, 'dig');
  if (path === undefined) return undefined;
  const rig = await startDns({ altDomain: 'alt.example' }, records);
  t.after(() => rig.stop());
  return { rig, ask: (...args) => dig(path, rig.port, ...args) };
}

const webAddresses = (name: string): string[] => [`${name} 0 IN A 10.0.0.1`, `${name} 0 IN A 10.0.1.2`];

for (const transport of ['+notcp', '+tcp']) {
  test(`dig ${transport}: every form of a name gets its answer`, async (t) => {
    const found = await subject(t);
    if (found === undefined) return;
    const answers = async (name: string, type: string): Promise<readonly string[]> => {
      const response = await found.ask(transport, name, type);
      assert.equal(response.status, 'NOERROR', response.text);
      assert.ok(response.flags.includes('aa'), response.text);
      assert.doesNotMatch(response.text, /WARNING: (?!recursion)|malformed|mismatch/);
      return response.answers;
    };
    assert.deepEqual(await answers('web.service.consul', 'A'), webAddresses('web.service.consul.'));
    assert.deepEqual(await answers('web.service.dc1.consul', 'A'), webAddresses('web.service.dc1.consul.'));
    assert.deepEqual(await answers('web.service.alt.example', 'A'), webAddresses('web.service.alt.example.'));
    assert.deepEqual(await answers('WeB.SERVICE.consul', 'A'), webAddresses('WeB.SERVICE.consul.'));
    assert.deepEqual(await answers('v1.web.service.consul', 'A'), ['v1.web.service.consul. 0 IN A 10.0.0.1']);
    assert.deepEqual(await answers('_web._v2.service.consul', 'SRV'), [
      '_web._v2.service.consul. 0 IN SRV 1 7 80 0a000102.addr.dc1.consul.',
    ]);
    assert.deepEqual(await answers('_web._tcp.dc1.consul', 'A'), webAddresses('_web._tcp.dc1.consul.'));
    assert.deepEqual(await answers('n1.node.consul', 'A'), ['n1.node.consul. 0 IN A 10.0.0.1']);
    assert.deepEqual(await answers('n1.node.consul', 'TXT'), ['n1.node.consul. 0 IN TXT "env=prod"']);
    assert.deepEqual(await answers('n2.node.dc1.consul', 'AAAA'), [
      'n2.node.dc1.consul. 0 IN AAAA 2001:db8::2',
    ]);
    assert.deepEqual(await answers('0a000102.addr.dc1.consul', 'A'), [
      '0a000102.addr.dc1.consul. 0 IN A 10.0.1.2',
    ]);
    assert.deepEqual(await answers('1.0.0.10.in-addr.arpa', 'PTR'), [
      '1.0.0.10.in-addr.arpa. 0 IN PTR n1.node.dc1.consul.',
    ]);
    assert.deepEqual(await answers('consul', 'SOA'), [
      'consul. 0 IN SOA ns.consul. hostmaster.consul. 1 3600 600 86400 0',
    ]);
    assert.deepEqual(await answers('consul', 'NS'), ['consul. 0 IN NS ns.consul.']);
    assert.deepEqual(await answers('n1.node.consul', 'AAAA'), []);
  });
}

test('dig: SRV answers name nodes and addresses, and bring what they point at', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  const { answers, additionals } = await found.ask('web.service.consul', 'SRV');
  assert.deepEqual(answers, [
    'web.service.consul. 0 IN SRV 1 1 8080 n1.node.dc1.consul.',
    'web.service.consul. 0 IN SRV 1 7 80 0a000102.addr.dc1.consul.',
  ]);
  assert.deepEqual(additionals, [
    '0a000102.addr.dc1.consul. 0 IN A 10.0.1.2',
    'n1.node.dc1.consul. 0 IN A 10.0.0.1',
  ]);
});

test('dig: reverse lookups by -x, of IPv4 and IPv6', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  assert.match((await found.ask('-x', '10.0.1.2')).answers.join(), /PTR web\.service\.dc1\.consul\.$/);
  assert.match((await found.ask('-x', '2001:db8::2')).answers.join(), /PTR n2\.node\.dc1\.consul\.$/);
});

test('dig: unknown names, other zones, other classes', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  for (const name of [
    'nothing.service.consul',
    'v9.web.service.consul',
    'nobody.node.consul',
    'web.service.dc9.consul',
  ]) {
    const { status, authorities } = await found.ask(name);
    assert.equal(status, 'NXDOMAIN', name);
    assert.match(authorities.join(), /^consul\. 0 IN SOA /);
  }
  assert.equal((await found.ask('example.com')).status, 'REFUSED');
  assert.equal((await found.ask('version.bind', 'TXT', 'CH')).status, 'REFUSED');
});

test('dig: a long answer is cut by UDP and asked again by TCP; with EDNS more fits', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  const plain = await found.ask('big.service.consul', '+noedns', '+ignore');
  const larger = await found.ask('big.service.consul', '+bufsize=1232', '+ignore');
  assert.ok(plain.flags.includes('tc') && larger.flags.includes('tc'));
  assert.ok(plain.answers.length > 20 && larger.answers.length > plain.answers.length);
  assert.match(larger.text, /EDNS: version: 0, flags:; udp: 1232/);
  assert.doesNotMatch(plain.text, /EDNS/);
  const whole = await found.ask('big.service.consul');
  assert.equal(whole.answers.length, 100);
  assert.ok(!whole.flags.includes('tc'));
  assert.equal((await found.ask('+edns=1', '+noednsneg', 'n1.node.consul')).status, 'BADVERS');
});

test('dig: ANY goes by TCP and gets all; insisting on UDP gets TC alone', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  assert.deepEqual((await found.ask('n1.node.consul', 'ANY')).answers, [
    'n1.node.consul. 0 IN A 10.0.0.1',
    'n1.node.consul. 0 IN TXT "env=prod"',
  ]);
  const insisting = await found.ask('n1.node.consul', 'ANY', '+notcp', '+ignore');
  assert.ok(insisting.flags.includes('tc'));
  assert.deepEqual(insisting.answers, []);
});

test('dig +keepopen asks many names over one TCP connection', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  const { text } = await found.ask(
    '+tcp',
    '+keepopen',
    'n1.node.consul',
    '+short',
    'n2.node.consul',
    'AAAA',
    '+short',
  );
  assert.deepEqual(text.trim().split('\n'), ['10.0.0.1', '2001:db8::2']);
});

test('a change is seen by the next dig', async (t) => {
  const found = await subject(t);
  if (found === undefined) return;
  await found.rig.put(checkRecord('n1', 'c', 'passing', sick));
  assert.equal((await found.ask('web.service.consul')).answers.length, 3);
});

test('unbound forwards the zone consul. to us, checks 0x20, and its clients get the answers', async (t) => {
  const digPath = requireProgram(t, 'dig');
  const unbound = requireProgram(t, 'unbound');
  if (digPath === undefined || unbound === undefined) return;
  const rig = await startDns({}, records);
  t.after(() => rig.stop());
  const port = await freePort();
  const directory = tempDir('unbound');
  const configuration = join(directory.path, 'unbound.conf');
  await writeFile(
    configuration,
    `server:
  interface: 127.0.0.1
  port: ${port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${directory.path}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  use-caps-for-id: yes
  module-config: "iterator"
  local-zone: "10.in-addr.arpa." nodefault
remote-control:
  control-enable: no
forward-zone:
  name: "consul."
  forward-addr: 127.0.0.1@${rig.port}
forward-zone:
  name: "10.in-addr.arpa."
  forward-addr: 127.0.0.1@${rig.port}
`,
  );
  await launchProgram({
    command: unbound,
    args: ['-d', '-c', configuration],
    ready: /start of service/,
    test: t,
  });
  const ask = (...args: string[]) => dig(digPath, port, ...args);
  assert.deepEqual((await ask('web.service.consul')).answers, webAddresses('web.service.consul.'));
  assert.equal((await ask('big.service.consul')).answers.length, 100);
  assert.equal((await ask('nothing.service.consul')).status, 'NXDOMAIN');
  const { status, answers } = await ask('n1.node.consul', 'AAAA');
  assert.deepEqual([status, answers], ['NOERROR', []]);
  assert.equal((await ask('web.service.consul', 'SRV')).answers.length, 2);
  assert.match((await ask('-x', '10.0.0.1')).answers.join(), /n1\.node\.dc1\.consul\.$/);
  assert.equal((await ask('-x', '10.9.9.9')).status, 'NXDOMAIN');
});
