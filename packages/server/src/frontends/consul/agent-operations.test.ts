import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from './test-server.fixture.ts';

test('metrics come as JSON and as Prometheus text, and count what is there', async () => {
  await using server = await startTestServer();
  await server.put('/v1/agent/service/register', { Name: 'web' });
  await server.put('/v1/kv/a', 'x');
  const { Timestamp, Gauges } = (await server.get('/v1/agent/metrics')).json as {
    Timestamp: string;
    Gauges: { Name: string; Value: number }[];
  };
  assert.match(Timestamp, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$/);
  const figure = (name: string) => Gauges.find((gauge) => gauge.Name === name)?.Value;
  assert.equal(figure('consul.state.service_instances'), 2);
  assert.equal(figure('consul.state.kv_entries'), 1);
  const text = (await server.get('/v1/agent/metrics?format=prometheus')).text;
  assert.match(text, /^# TYPE consul_state_services gauge$/m);
  assert.match(text, /^consul_state_services 2$/m);
});

test('the host tells about its memory and processors', async () => {
  await using server = await startTestServer();
  const host = (await server.get('/v1/agent/host')).json as {
    Memory: { total: number };
    CPU: unknown[];
    Host: { hostname: string };
    Errors: null;
  };
  assert.ok(host.Memory.total > 0);
  assert.ok(host.CPU.length > 0);
  assert.notEqual(host.Host.hostname, '');
  assert.equal(host.Errors, null);
});

test('a list of what there never is can be waited for', async () => {
  await using server = await startTestServer();
  const empty = await server.get('/v1/health/connect/web');
  assert.equal(empty.index, 1);
  const waited = server.get(`/v1/health/connect/web?index=${empty.index}&wait=60s`);
  await server.put('/v1/agent/service/register', { Name: 'web' });
  const answer = await waited;
  assert.deepEqual([answer.json, answer.index], [[], 2]);
});
