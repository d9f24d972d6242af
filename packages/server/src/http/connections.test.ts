import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { connections, isLoopback } from './connections.ts';
import { defaultHttpLimits } from './limits.ts';

class FakeSocket extends EventEmitter {
  remoteAddress: string;
  bytesWritten = 0;
  writableLength = 0;
  sent = '';
  destroyed = false;
  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }
  end(text: string, done: () => void): void {
    this.sent += text;
    done();
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function socketFrom(address: string): FakeSocket & Socket {
  return new FakeSocket(address) as FakeSocket & Socket;
}

test('an address has its share, and gets it back when it closes one', () => {
  const open = connections({ ...defaultHttpLimits, maxConnectionsPerAddress: 2 });
  const first = socketFrom('10.0.0.1');
  assert.ok(open.admit(first));
  assert.ok(open.admit(socketFrom('10.0.0.1')));
  const third = socketFrom('10.0.0.1');
  assert.equal(open.admit(third), false);
  assert.match(third.sent, /^HTTP\/1\.1 429 /);
  assert.match(third.sent, /Content-Length: (\d+)\r\n\r\n.{44}$/);
  assert.ok(third.destroyed);
  assert.ok(open.admit(socketFrom('10.0.0.2')));
  first.destroy();
  assert.ok(open.admit(socketFrom('10.0.0.1')));
  assert.equal(open.size, 3);
});

test('loopback is only bound by the limit for all', () => {
  const open = connections({ ...defaultHttpLimits, maxConnections: 3, maxConnectionsPerAddress: 1 });
  for (const address of ['127.0.0.1', '127.0.0.1', '::1']) assert.ok(open.admit(socketFrom(address)));
  assert.equal(open.admit(socketFrom('127.0.0.1')), false);
  assert.ok(isLoopback('::ffff:127.0.0.1'));
  assert.ok(!isLoopback('128.0.0.1'));
});

test('a connection whose peer reads nothing of its answer is closed, one that reads slowly is not', () => {
  const open = connections({ ...defaultHttpLimits, writeStallTimeoutMs: 1_000 });
  const [stalled, slow, idle] = [socketFrom('10.0.0.1'), socketFrom('10.0.0.2'), socketFrom('10.0.0.3')];
  for (const socket of [stalled, slow, idle]) open.admit(socket);
  Object.assign(stalled, { bytesWritten: 100, writableLength: 50 });
  for (let now = 500; now <= 3_000; now += 500) {
    Object.assign(slow, { bytesWritten: 10_000, writableLength: 9_000 - now });
    open.closeStalled(now);
  }
  assert.ok(stalled.destroyed);
  assert.ok(!slow.destroyed);
  assert.ok(!idle.destroyed);
});
