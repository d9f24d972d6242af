import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route, RoutePolicies } from '@portolan/core/traffic/model.ts';
import fc from 'fast-check';
import { systemClock } from '../../engine/system-clock.ts';
import { ClusterState } from '../cluster-state.ts';
import { ConnectGuard } from '../connect-guard.ts';
import { TrustedPeers } from '../forwarding.ts';
import { defaultLimits } from '../limits.ts';
import { emptyBody } from '../request-body.ts';
import type { PolicyRequest } from '../route-policy.ts';
import { clearSource, requestHead, routeTo } from '../routes/route-request.fixture.ts';
import { Sweeper } from '../sweeper.ts';
import { PolicyCompiler } from './policy-compiler.ts';

const guard = new ConnectGuard();
const clock = { ...systemClock, after: () => () => undefined };
const clusterOf = (name: string) =>
  new ClusterState(name, {
    clock,
    random: Math.random,
    limits: defaultLimits,
    guard,
    sweeper: new Sweeper(clock),
  });
const compiler = new PolicyCompiler({ clock, random: () => 0, guard, workers: 2, clusterOf });

function requestOf(route: Route, lines: string): PolicyRequest {
  const head = requestHead({ lines, path: '/a/b', query: '?c=d', method: 'OPTIONS' });
  const request = {
    plane: { limits: defaultLimits, trusted: new TrustedPeers([]), counters: { refusals: new Map() } },
    client: clearSource,
    ...{ head, outgoing: head, requestId: 'r', startMs: 1, timeoutMs: route.timeoutMs, body: emptyBody },
    ...{ target: undefined, tries: 0, forwardedLines: 'X-Forwarded-For: 192.0.2.7\r\n', state: undefined },
    ...{
      maxBodyBytes: Number.POSITIVE_INFINITY,
      collectBytes: 0,
      proceed: () => undefined,
      answer: () => undefined,
    },
  };
  // The connection and the rest of the plane are of no concern here.
  return request as unknown as PolicyRequest;
}

test('a route that asks for nothing has no policy', () => {
  const route = routeTo('web', { path: { type: 'prefix', value: '/' } });
  assert.equal(compiler.policyOf(route), undefined);
  assert.equal(compiler.policyOf({ ...route, policies: {} }), undefined);
  assert.equal(
    compiler.policyOf({ ...route, policies: { requestHeaders: { remove: ['connection'] } } }),
    undefined,
  );
});

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '*',
    '/',
    '(',
    'a\r\nX-Evil: 1',
    '10.0.0.0/8',
    'x-a',
    'user:{SHA}x',
    '/x?y=\r\nz',
    'http://[',
    '\ud800',
  ),
);
const number = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 0.5, -1, 1e21, 200, 503));
const list = fc.array(text, { maxLength: 3 });
const headers = fc.record(
  {
    remove: list,
    set: fc.array(fc.record({ name: text, value: text }), { maxLength: 2 }),
    add: fc.array(fc.record({ name: text, value: text }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const textMatch = fc.record({ type: fc.constantFrom('exact', 'regex', 'present'), value: text });
const policies = fc.record(
  {
    access: fc.record({ allow: list, deny: list }, { requiredKeys: [] }),
    rateLimits: fc.array(
      fc.record({
        ...{ requests: number, perMs: number, burst: number, status: number },
        by: fc.oneof(fc.constant({ type: 'route' }), fc.record({ type: fc.constant('header'), name: text })),
      }),
      { maxLength: 2 },
    ),
    connectionLimit: fc.record({
      max: number,
      by: fc.constantFrom('route', 'source-address'),
      status: number,
    }),
    cors: fc.record({
      origins: fc.array(textMatch, { maxLength: 2 }),
      ...{ methods: list, headers: list, exposeHeaders: list, credentials: fc.boolean() },
    }),
    basicAuth: fc.record({ realm: text, users: list }),
    satisfy: fc.constantFrom('all', 'any'),
    maxBodyBytes: number,
    fault: fc.record({ abort: fc.record({ percent: number, status: number, grpcStatus: number }) }),
    rewrite: fc.record(
      {
        path: fc.oneof(
          fc.record({ type: fc.constantFrom('full', 'prefix'), value: text }),
          fc.record({ type: fc.constant('regex'), pattern: text, value: text }),
        ),
        host: text,
      },
      { requiredKeys: [] },
    ),
    requestHeaders: headers,
    responseHeaders: headers,
    fallback: fc.record({
      statuses: fc.array(number, { maxLength: 2 }),
      choices: fc.array(
        fc.record({ type: fc.constant('response'), status: number, body: text, contentType: text }),
        { maxLength: 2 },
      ),
    }),
    bufferRequest: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<RoutePolicies>;

const wellFormed = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\u0080-\u00ff]*\r\n)*$/;

test('whatever a rule says, nothing throws and no line is written that is none', () => {
  const lines =
    'Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\nAuthorization: Basic YTpi\r\n';
  fc.assert(
    fc.property(policies, text, (wanted, value) => {
      const route = { ...routeTo('web', { path: { type: 'prefix', value } }), policies: wanted };
      const policy = compiler.policyOf(route);
      if (policy === undefined) return;
      const request = requestOf(route, lines);
      const verdict = policy.admit(request);
      if (verdict !== undefined && 'kind' in verdict) verdict.cancel();
      else if (verdict !== undefined) {
        assert.match(verdict.lines ?? '', wellFormed);
        assert.ok(verdict.status >= 200 && verdict.status <= 599);
        assert.match(policy.replyLines(request, verdict), wellFormed);
      }
      assert.match(request.outgoing.lines, wellFormed);
      assert.match(request.outgoing.path + request.outgoing.query, /^\/[!-~]*$/);
      assert.match(request.outgoing.authority.text, /^[!-~]+$/);
      const head = { lines: 'Server: x\r\n', status: 200 } as Parameters<typeof policy.answer>[1];
      assert.match(policy.answer(request, head).lines, wellFormed);
      const replaced = policy.replace(request, 503, true);
      if (replaced !== undefined && !('kind' in replaced))
        assert.match(`a: ${replaced.contentType}\r\n`, wellFormed);
      policy.done(request, 200);
    }),
    { numRuns: 3_000 },
  );
});
