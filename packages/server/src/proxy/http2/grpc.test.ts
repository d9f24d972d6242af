import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { cluster, endpoint, modelOf, startPlane, type TestScope } from '../testdata/plane-rig.ts';

const asIs = (value: Buffer): Buffer => value;

function method(path: string, requestStream: boolean, responseStream: boolean) {
  return {
    ...{ path, requestStream, responseStream },
    ...{
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  };
}

const echo = {
  unary: method('/echo.Echo/Unary', false, false),
  gather: method('/echo.Echo/Gather', true, false),
  spread: method('/echo.Echo/Spread', false, true),
  chat: method('/echo.Echo/Chat', true, true),
  fail: method('/echo.Echo/Fail', false, false),
  slow: method('/echo.Echo/Slow', false, false),
} satisfies ServiceDefinition;

interface Calls {
  readonly [name: string]: UntypedHandleCall;
  readonly unary: handleUnaryCall<Buffer, Buffer>;
  readonly gather: handleClientStreamingCall<Buffer, Buffer>;
  readonly spread: handleServerStreamingCall<Buffer, Buffer>;
  readonly chat: handleBidiStreamingCall<Buffer, Buffer>;
  readonly fail: handleUnaryCall<Buffer, Buffer>;
}

/** A gRPC service of the real library, and a client of it that speaks to the gateway. */
async function startEcho(test: TestScope): Promise<{ client: Client; port: number; seen: Metadata[] }> {
  const server = new Server();
  const seen: Metadata[] = [];
  const implementation: Calls = {
    unary(call, done) {
      seen.push(call.metadata);
      const trailer = new Metadata();
      trailer.set('x-trailer', 'after');
      done(null, call.request, trailer);
    },
    gather(call, done) {
      let all: Buffer = Buffer.alloc(0);
      call.on('data', (part: Buffer) => (all = Buffer.concat([all, part])));
      call.on('end', () => done(null, all));
    },
    spread(call) {
      for (let count = 0; count < 100; count++)
        call.write(Buffer.concat([call.request, Buffer.from([count])]));
      call.end();
    },
    chat(call) {
      call.on('data', (part: Buffer) => call.write(part));
      call.on('end', () => call.end());
    },
    fail(_call, done) {
      done({ code: status.FAILED_PRECONDITION, details: 'not today' });
    },
    slow() {},
  };
  server.addService(echo, implementation);
  const upstream = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  test.after(() => server.forceShutdown());
  const a = cluster('a', [endpoint(upstream)], { protocol: 'http2' });
  const none = cluster('none', [], { protocol: 'http2' });
  const { port } = startPlane(test, modelOf({ 'a.test': a, 'none.test': none }));
  return { client: clientOf(test, port, 'a.test'), port, seen };
}

function clientOf(test: TestScope, port: number, host: string): Client {
  const options = { 'grpc.default_authority': host };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  test.after(() => client.close());
  return client;
}

function unary(client: Client, path: string, request: Buffer, deadlineMs = 10_000) {
  const trailers: Metadata[] = [];
  const answer = new Promise<Buffer>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      request,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error, value) => (error === null && value !== undefined ? resolve(value) : reject(error)),
    );
    call.on('status', ({ metadata }) => trailers.push(metadata));
  });
  return { answer, trailers };
}

test('a unary call passes, with what is in its trailers', async (t) => {
  const { client, seen } = await startEcho(t);
  const { answer, trailers } = unary(client, echo.unary.path, Buffer.from('hello'));
  assert.equal((await answer).toString(), 'hello');
  await new Promise(setImmediate);
  assert.deepEqual(trailers[0]?.get('x-trailer'), ['after']);
  assert.equal(seen.length, 1);
  assert.deepEqual(seen[0]?.get('x-forwarded-proto'), ['http']);
});

test('a client may stream', async (t) => {
  const { client } = await startEcho(t);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const call = client.makeClientStreamRequest(echo.gather.path, asIs, asIs, (error, value) =>
      error === null && value !== undefined ? resolve(value) : reject(error),
    );
    for (let count = 0; count < 100; count++) call.write(Buffer.alloc(10_000, count));
    call.end();
  });
  assert.equal(answer.length, 1_000_000);
  assert.equal(answer[999_999], 99);
});

test('a server may stream', async (t) => {
  const { client } = await startEcho(t);
  const call = client.makeServerStreamRequest(echo.spread.path, asIs, asIs, Buffer.from('x'));
  const parts: Buffer[] = [];
  for await (const part of call) parts.push(part as Buffer);
  assert.equal(parts.length, 100);
  assert.deepEqual(parts[99], Buffer.from([120, 99]));
});

test('both may stream at the same time', async (t) => {
  const { client } = await startEcho(t);
  const call = client.makeBidiStreamRequest(echo.chat.path, asIs, asIs);
  for (const text of ['one', 'two', 'three']) {
    call.write(Buffer.from(text));
    const [part] = (await once(call, 'data')) as [Buffer];
    assert.equal(part.toString(), text);
  }
  call.end();
  const [{ code }] = (await once(call, 'status')) as [{ code: number }];
  assert.equal(code, status.OK);
});

test("a service's own error arrives as it was given", async (t) => {
  const { client } = await startEcho(t);
  await assert.rejects(unary(client, echo.fail.path, Buffer.alloc(0)).answer, (error: ServiceError) => {
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.equal(error.details, 'not today');
    return true;
  });
});

test('a deadline of the client ends the call', async (t) => {
  const { client } = await startEcho(t);
  await assert.rejects(unary(client, echo.slow.path, Buffer.alloc(0), 300).answer, (error: ServiceError) => {
    assert.equal(error.code, status.DEADLINE_EXCEEDED);
    return true;
  });
});

test('an error of the gateway is an error of gRPC', async (t) => {
  const { port } = await startEcho(t);
  const client = clientOf(t, port, 'none.test');
  await assert.rejects(unary(client, echo.unary.path, Buffer.alloc(0)).answer, (error: ServiceError) => {
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(error.details, /no instance of none is passing/);
    return true;
  });
});
