import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDiagnosticSet } from '../diagnostics.ts';
import type { NodePortWish } from './contract.ts';
import { createNodePorts } from './node-ports.ts';
import { rankByAge } from './rank.ts';

function wish(name: string, more: Partial<NodePortWish> = {}): NodePortWish {
  return { id: '80', protocol: 'tcp', targets: [], rank: rankByAge(['2026', name]), path: '', ...more };
}

/** The ports of some owners who come in this order. */
function portsOf(...wishes: readonly (readonly [string, NodePortWish])[]): Map<string, number> {
  const ports = createNodePorts(createDiagnosticSet());
  let settled: ReturnType<typeof ports.settle> = new Map();
  for (const [owner, one] of wishes) {
    ports.set(owner, owner, [one]);
    settled = ports.settle();
  }
  return new Map(
    [...settled].flatMap(([owner, [first]]) => {
      const bind = first?.listener.bind;
      return typeof bind === 'object' ? [[owner, bind.port] as const] : [];
    }),
  );
}

test('a port stays what it is while others come, and does not depend on the order in which they come', () => {
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  const alone = portsOf(['s0', wish('s0')]).get('s0');
  const forward = portsOf(...names.map((name) => [name, wish(name)] as const));
  const backward = portsOf(...names.toReversed().map((name) => [name, wish(name)] as const));
  assert.equal(forward.get('s0'), alone);
  assert.deepEqual(new Map([...forward].sort()), new Map([...backward].sort()));
  assert.equal(new Set(forward.values()).size, names.length);
  for (const port of forward.values()) assert.ok(port >= 30_086 && port <= 32_767);
});

test('a port that somebody names is not given to others', () => {
  const [taken = 0] = portsOf(['s', wish('s')]).values();
  const ports = portsOf(['s', wish('s')], ['t', wish('t', { port: taken })]);
  assert.equal(ports.get('t'), taken);
  assert.notEqual(ports.get('s'), taken);
});

test('TCP and UDP have ports of their own', () => {
  const tcp = portsOf(['s', wish('s', { port: 30_001 })]);
  const udp = portsOf(['s', wish('s', { port: 30_001, protocol: 'udp' })]);
  assert.deepEqual(tcp, udp);
});

test('when all ports are taken, the youngest has none', () => {
  const diagnostics = createDiagnosticSet();
  const ports = createNodePorts(diagnostics);
  for (let index = 0; index < 2_700; index++) {
    const name = `s${`${index}`.padStart(4, '0')}`;
    ports.set(name, name, [wish(name)]);
  }
  const settled = ports.settle();
  assert.equal(settled.size, 2_682);
  assert.equal(settled.has('s2699'), false);
  assert.equal(diagnostics.list.length, 18);
  assert.equal(diagnostics.list.at(-1)?.subject, 's2699');
});
