import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import type { Endpoint } from '@portolan/core/traffic/model.ts';
import fc from 'fast-check';
import { EndpointState } from '../endpoint-state.ts';
import { endpoint } from '../testdata/plane-rig.ts';
import { matchEndpoints } from './match-endpoints.ts';

const load = new ClusterLoad();
const make = (record: Endpoint): EndpointState => new EndpointState(record, load, 0);
const listOf = (ports: readonly number[]): Endpoint[] => ports.map((port) => endpoint(port));

test('whoever stays is the same object with its newest record, in any order', () => {
  const ports = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 });
  fc.assert(
    fc.property(ports, ports, (before, after) => {
      const { states } = matchEndpoints([], listOf(before), make);
      const list = listOf(after);
      const matched = matchEndpoints(states, list, make);
      const stays = states.filter(({ port }) => after.includes(port));
      assert.deepEqual(
        matched.states.map((state) => state.endpoint),
        list,
      );
      for (const state of stays) assert.ok(matched.states.includes(state));
      assert.equal(matched.added.length, after.length - stays.length);
      assert.deepEqual(new Set(matched.gone), new Set(states.filter((state) => !stays.includes(state))));
    }),
  );
});

test('a moved instance is a new endpoint', () => {
  const [state] = matchEndpoints([], [endpoint(1, { id: 'a' })], make).states;
  const moved = matchEndpoints(state === undefined ? [] : [state], [endpoint(2, { id: 'a' })], make);
  assert.deepEqual([moved.added.length, moved.gone], [1, [state]]);
});

test('the same endpoint twice in a list is two, and stays two', () => {
  const twice = [endpoint(1), endpoint(1)];
  const { states } = matchEndpoints([], twice, make);
  assert.notEqual(states[0], states[1]);
  assert.equal(matchEndpoints(states, [endpoint(1)], make).gone.length, 1);
  assert.equal(matchEndpoints(states, [endpoint(2)], make).gone.length, 2);
});
