import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { connect } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { LookupAll } from './connect-guard.ts';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  Recorder,
  startPlane,
  startServer,
  statusOf,
  talk,
} from './testdata/plane-rig.ts';

const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const until = oneResponse;

/** A resolver that knows `name` only, and counts. */
function resolver(name: string, ...addresses: readonly string[]): { lookup: LookupAll; asked: string[] } {
  const asked: string[] = [];
  const found = addresses.map<LookupAddress>((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  const lookup: LookupAll = (wanted, _, callback) => {
    asked.push(wanted);
    if (wanted === name) callback(null, found);
    else callback(Object.assign(new Error(`unknown ${wanted}`), { code: 'ENOTFOUND' }), []);
  };
  return { lookup, asked };
}

for (const address of ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254', '0.0.0.0']) {
  test(`no request goes to ${address}, whatever the model says`, async (t) => {
    const upstream = new Recorder();
    const { port } = await startServer(t, (socket) => upstream.serve(socket));
    const model = modelOf({ 'a.test': cluster('a', [endpoint(port, { address })]) });
    const { answer } = await talk(startPlane(t, model).port, [get], { until });
    assert.equal(statusOf(answer), 503);
    assert.match(answer, /connect-failure/);
    assert.equal(upstream.requests, 0);
  });
}

test('no request goes to a name that resolves to a denied address', async (t) => {
  const { lookup, asked } = resolver('sly.test', '169.254.169.254', '::ffff:a9fe:a9fe', '0.0.0.0');
  const model = modelOf({ 'a.test': cluster('a', [endpoint(80, { address: 'sly.test' })]) });
  const { answer } = await talk(startPlane(t, model, { lookup }).port, [get], { until });
  assert.equal(statusOf(answer), 503);
  assert.ok(asked.every((name) => name === 'sly.test') && asked.length > 0);
});

test('of a name with several addresses a permitted one is connected to, and it is resolved once for that', async (t) => {
  const upstream = new Recorder();
  const { port } = await startServer(t, (socket) => upstream.serve(socket));
  const { lookup, asked } = resolver('both.test', '169.254.169.254', '127.0.0.1');
  const model = modelOf({ 'a.test': cluster('a', [endpoint(port, { address: 'both.test' })]) });
  const { answer } = await talk(startPlane(t, model, { lookup }).port, [get], { until });
  assert.equal(statusOf(answer), 200);
  assert.deepEqual(asked, ['both.test']);
});

test('a service that is the gateway itself, by address or by name, is not connected to', async (t) => {
  const { plane, port } = startPlane(t, modelOf({}));
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', 'localhost']) {
    plane.apply(modelOf({ 'a.test': cluster('a', [endpoint(port, { address })]) }));
    const { answer } = await talk(port, [get], { until });
    assert.equal(statusOf(answer), 503, address);
  }
  assert.equal(plane.report().acceptedConnections, 3, 'only ours');
});

test('a TCP listener that leads to itself lets its clients go', async (t) => {
  const self = cluster('self', []);
  const door = { kind: 'stream', key: 'tcp 1' } as const;
  const { plane, port } = startPlane(t, modelOf({ self }, { tcp: { self: 1 } }), { door });
  plane.apply(modelOf({ self: cluster('self', [endpoint(port)]) }, { tcp: { self: 1 } }));
  const socket = connect(port, '127.0.0.1');
  let closed = false;
  socket
    .on('error', () => undefined)
    .on('close', () => {
      closed = true;
    });
  await waitUntil(() => closed);
  assert.equal(plane.report().acceptedConnections, 1);
});

test('a request that goes round between gateways ends with 508 after a few rounds', async (t) => {
  const [left, right] = [startPlane(t, modelOf({})), startPlane(t, modelOf({}))];
  left.plane.apply(modelOf({ 'a.test': cluster('a', [endpoint(right.port)]) }));
  right.plane.apply(modelOf({ 'a.test': cluster('a', [endpoint(left.port)]) }));
  const { answer } = await talk(left.port, [get], { until });
  assert.equal(statusOf(answer), 508);
  const accepted = [left, right].map(({ plane }) => plane.report().acceptedConnections);
  assert.ok(accepted[0] !== undefined && accepted[0] <= 6, `${accepted}`);
});

test('who says that a request went round too often is believed, also when he says it in two fields', async (t) => {
  const upstream = new Recorder();
  const { port } = await startServer(t, (socket) => upstream.serve(socket));
  const plane = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(port)]) }));
  const ask = (lines: string) =>
    talk(plane.port, [`GET / HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`], { until });
  for (const value of ['10', '999', '1, 1', '-1', '']) {
    const { answer } = await ask(`X-Portolan-Hops: ${value}\r\nX-Portolan-Hops: 0\r\n`);
    assert.equal(statusOf(answer), 508, value);
  }
  const { answer } = await ask('X-Portolan-Hops: 3\r\nConnection: x-portolan-hops\r\n');
  assert.equal(statusOf(answer), 200);
  assert.match(upstream.seen, /\r\nX-Portolan-Hops: 4\r\n/);
  assert.equal(upstream.seen.match(/Hops/g)?.length, 1);
});
