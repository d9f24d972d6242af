import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import { systemClock } from '../engine/system-clock.ts';
import type { Dialer } from './dial.ts';
import type { ProbeResult } from './probe.ts';
import { udpProber } from './probe-udp.ts';
import { type Lookup, Resolver } from './resolve.ts';

const resolvesTo =
  (address: string): Lookup =>
  (_host, callback) =>
    setImmediate(callback, null, [{ address }]);

const dialer = (lookup?: Lookup): Dialer => ({
  rules: addressRules(),
  resolver: new Resolver(systemClock, lookup),
});

function probed(address: string, using = dialer()): Promise<ProbeResult> {
  return new Promise((resolve) => void udpProber({ type: 'udp', address }, using).start(resolve));
}

async function bound(t: TestContext, answers: boolean) {
  const socket = createSocket('udp4');
  const asked = Promise.withResolvers<Buffer>();
  socket.on('message', (message, from) => {
    asked.resolve(message);
    if (answers) socket.send('pong', from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { port: socket.address().port, asked: asked.promise };
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

test('a UDP check passes where something answers, by address or by name', async (t) => {
  const { port } = await bound(t, true);
  const output = `UDP connect 127.0.0.1:${port}: Success`;
  assert.deepEqual(await probed(`127.0.0.1:${port}`), { status: 'passing', output });
  const byName = await probed(`named.test:${port}`, dialer(resolvesTo('127.0.0.1')));
  assert.equal(byName.status, 'passing');
});

test('a UDP check passes where something takes it in silence until the time is up', async (t) => {
  const { port, asked } = await bound(t, false);
  const done = Promise.withResolvers<ProbeResult>();
  const run = udpProber({ type: 'udp', address: `127.0.0.1:${port}` }, dialer()).start(done.resolve);
  assert.equal((await asked).length, 0);
  run.timeOut();
  assert.equal((await done.promise).status, 'passing');
  run.cancel();
});

test('a UDP check is critical where nobody listens', async () => {
  const port = await freeUdpPort();
  const { status, output } = await probed(`127.0.0.1:${port}`);
  assert.equal(status, 'critical');
  assert.match(output, new RegExp(`^dial udp 127.0.0.1:${port}: .*connection refused`));
});

test('a UDP check is critical when its name was not resolved in time', async () => {
  const never: Lookup = () => undefined;
  const done = Promise.withResolvers<ProbeResult>();
  const run = udpProber({ type: 'udp', address: 'slow.test:53' }, dialer(never)).start(done.resolve);
  run.timeOut();
  assert.deepEqual(await done.promise, {
    status: 'critical',
    output: 'dial udp slow.test:53: i/o timeout',
  });
});

test('no datagram goes to a denied address', async () => {
  const metadata = '169.254.169.254';
  const direct = await probed(`${metadata}:53`);
  const named = await probed('innocent.test:53', dialer(resolvesTo(metadata)));
  for (const { status, output } of [direct, named]) {
    assert.equal(status, 'critical');
    assert.match(output, /health checks may not connect to/);
  }
});

test('what is no address is critical and says so', async () => {
  assert.match((await probed('nowhere')).output, /"nowhere" is not an address/);
});

test('a cancelled UDP probe says nothing', async (t) => {
  const { port, asked } = await bound(t, false);
  const prober = udpProber({ type: 'udp', address: `127.0.0.1:${port}` }, dialer());
  const run = prober.start(() => assert.fail('it was cancelled'));
  await asked;
  run.cancel();
  run.timeOut();
});
