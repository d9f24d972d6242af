import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import * as dnsPacket from 'dns-packet';
import { checkRecord, type DnsRig, instanceRecord, nodeRecord, startDns } from './dns.fixture.ts';
import { limits } from './limits.ts';
import { rcode } from './message.ts';

const n1 = nodeRecord('n1', '10.0.0.1');
const web1 = instanceRecord('web', 'n1', 'web-1');
const web2 = instanceRecord('web', 'n1', 'web-2', { address: '10.0.0.2' });

async function started(t: TestContext, ...given: Parameters<typeof startDns>): Promise<DnsRig> {
  const rig = await startDns(...given);
  t.after(() => rig.stop());
  return rig;
}

let lastId = 0;
function queryOf(name: string, type: dnsPacket.RecordType = 'A'): Buffer {
  lastId = (lastId + 1) & 0xffff;
  return dnsPacket.encode({
    type: 'query',
    id: lastId,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type, name }],
  });
}

type Response = dnsPacket.DecodedPacket & { readonly code: number };

/** Asks by UDP, again every 200 ms until the answer is there: a datagram may be lost. */
async function askUdp(rig: DnsRig, query: Buffer): Promise<Response> {
  const socket = createSocket(rig.address.includes(':') ? 'udp6' : 'udp4');
  const answered = once(socket, 'message');
  const send = (): void => socket.send(query, rig.port, rig.address);
  const again = setInterval(send, 200);
  send();
  try {
    const [response] = (await answered) as [Buffer];
    // The types of dns-packet do not know the rcode that it reads.
    return { ...dnsPacket.decode(response), code: (response[3] ?? 0) & 0xf };
  } finally {
    clearInterval(again);
    socket.close();
  }
}

async function addresses(rig: DnsRig, name: string): Promise<string[]> {
  const { answers = [] } = await askUdp(rig, queryOf(name));
  return answers.map((answer) => (answer.type === 'A' ? answer.data : answer.type)).sort();
}

async function tcpClient(
  t: TestContext,
  rig: DnsRig,
): Promise<{ socket: Socket; received: dnsPacket.DecodedPacket[] }> {
  const socket = connect(rig.port, rig.address);
  t.after(() => socket.destroy());
  // Being closed by the server is what some tests are about.
  socket.on('error', () => {});
  let unread = Buffer.alloc(0);
  const received: dnsPacket.DecodedPacket[] = [];
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const end = 2 + unread.readUInt16BE(0);
      received.push(dnsPacket.decode(unread.subarray(2, end)));
      unread = unread.subarray(end);
    }
  });
  await once(socket, 'connect');
  return { socket, received };
}

function framed(query: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(query.length);
  return Buffer.concat([prefix, query]);
}

test('answers follow the catalog at once: instances, checks, nodes', async (t) => {
  const rig = await started(t, {}, [n1, web1]);
  assert.deepEqual(await addresses(rig, 'web.service.consul'), ['10.0.0.1']);
  await rig.put(web2);
  assert.deepEqual(await addresses(rig, 'web.service.consul'), ['10.0.0.1', '10.0.0.2']);
  await rig.put(checkRecord('n1', 'c', 'critical', web1));
  assert.deepEqual(await addresses(rig, 'web.service.consul'), ['10.0.0.2']);
  await rig.put(checkRecord('n1', 'c', 'passing', web1), nodeRecord('n1', '10.0.0.7'));
  assert.deepEqual(await addresses(rig, 'web.service.consul'), ['10.0.0.2', '10.0.0.7']);
  assert.deepEqual(await addresses(rig, 'n1.node.consul'), ['10.0.0.7']);
  await rig.put(nodeRecord('n1', '10.0.0.8'), checkRecord('n1', 'serf', 'critical'));
  assert.deepEqual(await addresses(rig, 'n1.node.consul'), ['10.0.0.8']);
  assert.deepEqual(await addresses(rig, 'web.service.consul'), []);
});

test('a name that was read as a tag is read anew when a service takes it', async (t) => {
  const rig = await started(t, {}, [n1, instanceRecord('web', 'n1', 'w', { tags: ['v1'] })]);
  assert.deepEqual(await addresses(rig, 'v1.web.service.consul'), ['10.0.0.1']);
  await rig.put(instanceRecord('v1.web', 'n1', 'x', { address: '10.0.0.3' }));
  assert.deepEqual(await addresses(rig, 'v1.web.service.consul'), ['10.0.0.3']);
});

test('by TCP queries may come in pieces or many at once, and all are answered', async (t) => {
  const rig = await started(t, {}, [n1, web1]);
  const { socket, received } = await tcpClient(t, rig);
  const queries = Array.from({ length: 50 }, () => queryOf('web.service.consul'));
  const bytes = Buffer.concat(queries.map(framed));
  socket.write(bytes.subarray(0, 1));
  socket.write(bytes.subarray(1, 30));
  socket.end(bytes.subarray(30));
  await once(socket, 'close');
  assert.deepEqual(
    received.map(({ id }) => id),
    queries.map((query) => query.readUInt16BE(0)),
  );
  assert.ok(received.every(({ answers }) => answers?.length === 1));
});

test('a TCP client that does not read its answers is not read from either, and gets them all in the end', async (t) => {
  const many = Array.from({ length: 200 }, (_, index) =>
    instanceRecord('big', 'n1', `b${index}`, { address: `10.2.0.${index}` }),
  );
  const rig = await started(t, {}, [n1, ...many]);
  const { socket, received } = await tcpClient(t, rig);
  socket.pause();
  const count = 3_000;
  const bytes = Buffer.concat(
    Array.from({ length: count }, () => framed(queryOf('big.service.consul', 'SRV'))),
  );
  socket.write(bytes);
  const reader = await tcpClient(t, rig);
  reader.socket.write(framed(queryOf('big.service.consul')));
  await waitUntil(() => reader.received.length === 1, { what: 'another client to be served' });
  socket.resume();
  await waitUntil(() => received.length === count, { what: 'all answers', timeoutMs: 30_000 });
});

test('a TCP connection that asks nothing is closed, one that asks stays', async (t) => {
  const clock = fakeClock();
  const rig = await started(t, {}, [n1], clock);
  const idle = await tcpClient(t, rig);
  const busy = await tcpClient(t, rig);
  const closed = once(idle.socket, 'close');
  const ask = async (): Promise<void> => {
    const before = busy.received.length;
    busy.socket.write(framed(queryOf('n1.node.consul')));
    await waitUntil(() => busy.received.length > before, { what: 'an answer' });
  };
  await ask();
  // One byte is no query: it does not prolong anything.
  idle.socket.write('\0');
  clock.advance(limits.tcpIdleMs - 2_000);
  await ask();
  clock.advance(4_000);
  await closed;
  await ask();
  assert.equal(busy.received.length, 3);
});

test('past the limit of connections the one that asked least recently goes', async (t) => {
  const rig = await started(t, {}, [n1]);
  const first = await tcpClient(t, rig);
  const closed = once(first.socket, 'close');
  const others: Socket[] = [];
  t.after(() => {
    for (const socket of others) socket.destroy();
  });
  for (let index = 0; index < limits.tcpConnections; index++) others.push(connect(rig.port, rig.address));
  await closed;
  const last = await tcpClient(t, rig);
  last.socket.write(framed(queryOf('n1.node.consul')));
  await waitUntil(() => last.received.length === 1, { what: 'the newest client to be served' });
});

test('a query by TCP that is too long, or none, closes the connection', async (t) => {
  const rig = await started(t, {}, [n1]);
  for (const bytes of [Buffer.from([0xff, 0xff, 1]), Buffer.from([0, 0]), framed(Buffer.from('short'))]) {
    const { socket } = await tcpClient(t, rig);
    const closed = once(socket, 'close');
    socket.write(bytes);
    await closed;
  }
});

test('random datagrams do no harm', async (t) => {
  const rig = await started(t, {}, [n1, web1]);
  const socket = createSocket('udp4');
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const base = queryOf('web.service.consul', 'SRV');
  for (let index = 0; index < 3_000; index++) {
    const packet = Buffer.from(base);
    for (let edit = 0; edit < 3; edit++) {
      packet[Math.floor(Math.random() * packet.length)] = Math.floor(Math.random() * 256);
    }
    socket.send(packet.subarray(0, Math.floor(Math.random() * (packet.length + 1))), rig.port, rig.address);
    if (index % 100 === 0) await addresses(rig, 'web.service.consul');
  }
  assert.deepEqual(await addresses(rig, 'web.service.consul'), ['10.0.0.1']);
});

test('IPv6 is served by UDP and TCP', async (t) => {
  const rig = await started(t, { listen: { address: '::1', port: 0 } }, [n1]);
  assert.deepEqual(await addresses(rig, 'n1.node.consul'), ['10.0.0.1']);
  const { socket, received } = await tcpClient(t, rig);
  socket.write(framed(queryOf('n1.node.consul')));
  await waitUntil(() => received.length === 1);
});

test('above the rate every second response is truncated, the others are dropped', async (t) => {
  const rig = await started(t, { responsesPerSecond: 5 }, [n1], fakeClock());
  const socket = createSocket('udp4');
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const received: boolean[] = [];
  socket.on('message', (response: Buffer) => received.push(dnsPacket.decode(response).flag_tc));
  for (let index = 0; index < 15; index++) socket.send(queryOf('n1.node.consul'), rig.port, rig.address);
  await waitUntil(() => received.length >= 10, { what: 'ten responses' });
  // Another question is another matter.
  assert.equal((await askUdp(rig, queryOf('n2.node.consul'))).flag_tc, false);
  assert.deepEqual(
    [received.filter((truncated) => !truncated).length, received.filter((truncated) => truncated).length],
    [5, 5],
  );
});

test('foreign names are refused, foreign addresses unknown', async (t) => {
  const rig = await started(t, {}, [n1]);
  const foreign = await askUdp(rig, queryOf('example.com'));
  assert.deepEqual([foreign.code, foreign.flag_ra], [rcode.refused, false]);
  assert.equal((await askUdp(rig, queryOf('9.9.9.9.in-addr.arpa', 'PTR'))).code, rcode.nameError);
});

/** A server by UDP and TCP that answers everything with one address, after `respond` has had its way with the answer. */
async function upstream(
  t: TestContext,
  respond: (response: Buffer, query: Buffer) => Buffer[] = (response) => [response],
) {
  const queries: Buffer[] = [];
  const answerTo = (query: Buffer): Buffer[] => {
    queries.push(query);
    const { id, questions = [] } = dnsPacket.decode(query);
    const name = questions[0]?.name ?? '';
    const answers = [{ type: 'A' as const, name, ttl: 1, data: '192.0.2.9' }];
    return respond(
      dnsPacket.encode({ type: 'response', ...(id === undefined ? {} : { id }), questions, answers }),
      query,
    );
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const response of answerTo(chunk.subarray(2))) socket.write(framed(response));
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const address = tcp.address();
  assert.ok(address !== null && typeof address === 'object');
  const udp = createSocket('udp4', (query, from) => {
    for (const response of answerTo(query)) udp.send(response, from.port, from.address);
  });
  udp.bind(address.port, '127.0.0.1');
  await once(udp, 'listening');
  t.after(async () => {
    udp.close();
    tcp.close();
    await once(tcp, 'close');
  });
  return { address: '127.0.0.1', port: address.port, queries };
}

test('with forwarders, foreign names are asked of them under another id, by UDP and TCP', async (t) => {
  const server = await upstream(t);
  const rig = await started(t, { forwarders: [server] }, [n1]);
  const query = queryOf('Example.com');
  const response = await askUdp(rig, query);
  assert.deepEqual(
    response.answers?.map((answer) => (answer.type === 'A' ? answer.data : '')),
    ['192.0.2.9'],
  );
  assert.equal(response.id, query.readUInt16BE(0));
  assert.equal(response.questions?.[0]?.name, 'Example.com');
  const { socket, received } = await tcpClient(t, rig);
  socket.write(framed(queryOf('example.org')));
  await waitUntil(() => received.length === 1);
  assert.equal(received[0]?.answers?.length, 1);
  for (let index = 0; index < 20; index++) await askUdp(rig, queryOf(`n${index}.example`));
  const ids = new Set(server.queries.map((asked) => asked.readUInt16BE(0)));
  assert.ok(ids.size > 15, 'ids are random');
  // Our own zone is not forwarded.
  assert.equal((await askUdp(rig, queryOf('x.service.consul'))).code, rcode.nameError);
  assert.ok(
    server.queries.every((asked) => !dnsPacket.decode(asked).questions?.[0]?.name.endsWith('consul')),
  );
});

test('an answer with another id or question is not believed', async (t) => {
  const forged = await upstream(t, (response) => {
    const wrongId = Buffer.from(response);
    wrongId[0] = (wrongId[0] ?? 0) ^ 1;
    const wrongName = Buffer.from(response);
    wrongName[13] = 'X'.charCodeAt(0);
    const right = Buffer.from(response);
    right[right.length - 1] = 77;
    return [wrongId, wrongName, Buffer.from('noise'), right];
  });
  const rig = await started(t, { forwarders: [forged] }, [n1]);
  assert.deepEqual(await addresses(rig, 'example.com'), ['192.0.2.77']);
});

test('a forwarder that is silent or gone is passed over, and not asked first again', async (t) => {
  const silent = await upstream(t, () => []);
  const good = await upstream(t);
  const rig = await started(t, { forwarders: [silent, good], forwardTimeoutMs: 50 }, [n1]);
  assert.deepEqual(await addresses(rig, 'a.example'), ['192.0.2.9']);
  const asked = silent.queries.length;
  assert.deepEqual(await addresses(rig, 'b.example'), ['192.0.2.9']);
  assert.equal(silent.queries.length, asked);
});

test('when no forwarder answers it is a server failure', async (t) => {
  const silent = await upstream(t, () => []);
  const rig = await started(t, { forwarders: [silent], forwardTimeoutMs: 30 }, [n1]);
  assert.equal((await askUdp(rig, queryOf('example.com'))).code, rcode.serverFailure);
});

test('nobody outside the listed networks is forwarded for', async (t) => {
  const server = await upstream(t);
  const rig = await started(t, { forwarders: [server], forwardFor: ['10.0.0.0/8'] }, [n1]);
  assert.equal((await askUdp(rig, queryOf('example.com'))).code, rcode.refused);
  assert.equal(server.queries.length, 0);
});

test('an address that is taken is a fault at start, and nothing is left open', async (t) => {
  const rig = await started(t);
  await assert.rejects(startDns({ listen: { address: '127.0.0.1', port: rig.port } }), Fault);
});

test('after stop nothing listens', async () => {
  const rig = await startDns({}, [n1]);
  const socket = connect(rig.port, rig.address);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await rig.stop();
  await closed;
  const refused = connect(rig.port, rig.address);
  await assert.rejects(once(refused, 'connect'), /ECONNREFUSED/);
});
