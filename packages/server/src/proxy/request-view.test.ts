import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientAddress } from './client-address.ts';
import { TrustedPeers } from './forwarding.ts';
import { fieldValue } from './http1/line-fields.ts';
import { requestView } from './routes/route-request.fixture.ts';

test('fields are found whatever their case, repeated ones joined', () => {
  const view = requestView({ lines: 'X-A: 1\r\nCookie: a=1\r\nx-a: 2\r\ncookie: b="2"; c\r\nX-: \r\n' });
  assert.equal(view.header('x-a'), '1, 2');
  assert.equal(view.header('x-'), '');
  assert.equal(view.header('a'), undefined);
  assert.equal(view.header('x'), undefined);
  assert.equal(view.header('cookie'), 'a=1; b="2"; c');
  assert.deepEqual([view.cookie('a'), view.cookie('b'), view.cookie('c')], ['1', '2', undefined]);
});

test('what the proxy owns is found too, and what is told only if the peer is trusted', () => {
  const told = {
    for: '203.0.113.9',
    proto: 'https',
    host: 'front.test',
    lines: 'X-Real-IP: 203.0.113.9\r\n',
  };
  const head = {
    told,
    requestId: 'abc',
    body: 7,
    authority: { host: 'a.test', text: 'a.test:81' },
    query: '?x',
  };
  const wary = requestView(head);
  assert.deepEqual(
    [wary.header('x-forwarded-proto'), wary.header('x-real-ip'), wary.scheme],
    [undefined, undefined, 'http'],
  );
  assert.deepEqual(
    [wary.header('host'), wary.header(':path'), wary.header('content-length')],
    ['a.test:81', '/?x', '7'],
  );
  const trusting = requestView(head, { peer: { address: '10.0.0.1', trusted: true } });
  assert.deepEqual(
    [trusting.header('x-forwarded-proto'), trusting.header('x-real-ip')],
    ['https', '203.0.113.9'],
  );
  assert.deepEqual([trusting.scheme, trusting.clientAddress], ['https', '203.0.113.9']);
});

test('the client is the last of the chain that nobody trusts', () => {
  const trusted = new TrustedPeers(['10.0.0.0/8']);
  const peer = { address: '10.0.0.1', trusted: true };
  assert.equal(clientAddress(peer, '1.1.1.1, 2.2.2.2, 10.0.0.7', trusted), '2.2.2.2');
  assert.equal(clientAddress(peer, '10.0.0.9, 10.0.0.7', trusted), '10.0.0.9');
  assert.equal(clientAddress(peer, '1.1.1.1:55, [2001:db8::1]:443', trusted), '2001:db8::1');
  assert.equal(clientAddress(peer, '1.1.1.1, unknown', trusted), '10.0.0.1');
  assert.equal(clientAddress(peer, '1.1.1.1, unknown, 10.0.0.3', trusted), '10.0.0.3');
  assert.equal(clientAddress(peer, ' , ,', trusted), '10.0.0.1');
  assert.equal(clientAddress({ address: '9.9.9.9', trusted: false }, '1.1.1.1', trusted), '9.9.9.9');
  assert.equal(clientAddress(peer, '10.0.0.2,'.repeat(4_000), trusted), '10.0.0.1');
});

test('query parameters are found as URLSearchParams finds them', () => {
  const part = fc.constantFrom('a', 'b', '=', '&', '%61', '+', '%', '%zz', '%C3%A9', '1');
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.constantFrom('a', 'b', 'ab', 'a b', '\u00e9', ''),
      (parts, name) => {
        const query = `?${parts.join('')}`;
        // Of broken escapes nobody has a contract.
        if (!isDecodable(query)) return;
        const expected = new URLSearchParams(query).get(name);
        const found = requestView({ query }).query(name);
        if (name !== '') assert.equal(found, expected ?? undefined, query);
      },
    ),
    { numRuns: 3_000 },
  );
});

test('looking for a field never runs off the end, whatever the lines', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', ':', ' ', '\r\n', 'A: 1\r\n')), (parts) => {
      fieldValue(parts.join(''), 'a');
    }),
  );
});

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
