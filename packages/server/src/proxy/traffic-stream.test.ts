import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Fault } from '@portolan/core/base/fault.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { systemClock } from '../engine/system-clock.ts';
import { ModelFile, readModelFile } from './model-file.ts';
import { cluster, endpoint, modelOf } from './testdata/plane-rig.ts';
import { parseTrafficMessage } from './traffic-message.ts';
import { TrafficStream } from './traffic-stream.ts';
import { TrafficTable } from './traffic-table.ts';

const model = modelOf({ 'a.test': cluster('a', [endpoint(1)]) });

/** A control plane, and the client that follows it. */
async function follow(t: TestContext, serve: (response: ServerResponse, connection: number) => void) {
  let connections = 0;
  const server = createServer((_request, response) => serve(response, ++connections)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const messages: TrafficMessage[] = [];
  const troubles: string[] = [];
  const stream = new TrafficStream({
    servers: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    clock: {
      ...systemClock,
      after: (delayMs, callback) => systemClock.after(Math.min(delayMs, 300), callback),
    },
    random: () => 0,
    tokenFile: '/nonexistent',
    onMessage: (message) => messages.push(message),
    onTrouble: (fault) => troubles.push(fault.message),
  });
  t.after(() => {
    stream.stop();
    server.closeAllConnections();
    server.close();
  });
  return { messages, troubles, connections: () => connections };
}

test('messages arrive whole, however the octets are cut', async (t) => {
  const text = `${JSON.stringify(model)}\n\n\n${JSON.stringify({ ...model, type: 'update', revision: 2 })}\n`;
  const { messages } = await follow(t, async (response, connection) => {
    if (connection > 1) return;
    for (const character of text) {
      response.write(character);
      if (character === ',') await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await waitUntil(() => messages.length === 2);
  assert.deepEqual(
    messages.map((message) => message.revision),
    [1, 2],
  );
  assert.deepEqual(messages[0], model);
});

test('a stream that ends, fails, speaks nonsense or falls silent is asked for again', async (t) => {
  const { messages, troubles, connections } = await follow(t, (response, connection) => {
    switch (connection) {
      case 1:
        response.end(`${JSON.stringify(model)}\n`);
        return;
      case 2:
        response.writeHead(503).end();
        return;
      case 3:
        response.write('{"type":"snapshot"\n');
        return;
      case 4:
        response.write('{"type":"snapshot","revision":1,"clusters":{"put":[7],"remove":[]}}\n');
        return;
      case 5:
        // Silent: the test's clock makes the 15 s short.
        response.flushHeaders();
        return;
      case 6:
        response.destroy();
        return;
      default:
        response.write(`${JSON.stringify(model)}\n`);
    }
  });
  await waitUntil(() => messages.length === 2);
  assert.ok(connections() >= 7);
  assert.match(troubles.join('; '), /ended.*503.*JSON.*certificates.*silent/);
});

test('a snapshot is a change that removes what it does not name', () => {
  const table = new TrafficTable();
  table.apply(model);
  const change = table.apply(modelOf({ 'b.test': cluster('b', []) }));
  assert.deepEqual(change.virtualHosts.remove, ['a.test']);
  assert.deepEqual(change.clusters.remove, ['a']);
  assert.deepEqual([...table.clusters.keys()], ['b']);
  table.apply({ ...model, type: 'update', clusters: { put: [], remove: ['b'] } });
  assert.deepEqual([...table.clusters.keys()], []);
  assert.deepEqual([...table.virtualHosts.keys()].sort(), ['a.test', 'b.test']);
});

test('the model on disk reads as it was saved, and what is no model reads as none', async (t) => {
  const directory = tempDir('model');
  t.after(() => directory.remove());
  const path = join(directory.path, 'deep', 'gateway-model.json');
  assert.equal(readModelFile(path), undefined);
  const faults: Fault[] = [];
  const file = new ModelFile(path, systemClock, (fault) => faults.push(fault));
  file.save(() => modelOf({}));
  file.save(() => model);
  await file.flush();
  assert.deepEqual(readModelFile(path), model);
  assert.equal(faults.length, 0);
  const nowhere = new ModelFile(join(path, 'under-a-file', 'model.json'), systemClock, (fault) =>
    faults.push(fault),
  );
  nowhere.save(() => model);
  await nowhere.flush();
  assert.equal(faults.length, 1);
});

test('nothing but a whole message is taken for one', () => {
  for (const line of [
    '',
    '7',
    'null',
    '[]',
    '{}',
    '{"type":"other"}',
    JSON.stringify({ ...model, clusters: null }),
  ]) {
    assert.throws(() => parseTrafficMessage(line), { name: 'Fault', code: 'invalid' });
  }
  const bad = { ...model, clusters: { put: [{ name: '__proto__' }], remove: [] } };
  assert.throws(() => parseTrafficMessage(JSON.stringify(bad)), /clusters\.put\[0\]/);
});
