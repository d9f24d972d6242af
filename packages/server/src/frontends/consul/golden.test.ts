import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startTestServer, type TestServer } from './test-server.fixture.ts';

/**
 * Each `testdata/<case>.request` holds requests, one after the other on a fresh server, and `<case>.response` what must come
 * back: the status, the headers that matter, the body to the byte. `UPDATE_GOLDEN=1` writes the responses anew; read the diff.
 */
const folder = new URL('./testdata/', import.meta.url);
const separator = '\n-----\n';
const shownHeaders = [
  'allow',
  'content-type',
  'content-security-policy',
  'location',
  'x-cache',
  'x-consul-effective-consistency',
  'x-consul-index',
  'x-consul-knownleader',
  'x-consul-lastcontact',
  'x-consul-reason',
  'x-content-type-options',
];

const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.request'))
  .map((name) => name.slice(0, -'.request'.length));

for (const name of cases) {
  test(`golden: ${name.replaceAll('-', ' ')}`, async () => {
    await using server = await startTestServer();
    const answers: string[] = [];
    for (const request of read(`${name}.request`).trimEnd().split(separator)) {
      answers.push(await exchange(server, request));
    }
    const actual = `${answers.join(separator)}\n`;
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(new URL(`${name}.response`, folder), actual);
    assert.equal(actual, read(`${name}.response`));
  });
}

test('there are golden cases', () => {
  assert.ok(cases.length > 20);
});

function read(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8');
}

/** `METHOD path`, headers, an empty line, the body; as the answer's own text. */
async function exchange(server: TestServer, request: string): Promise<string> {
  const end = request.indexOf('\n\n');
  const [line = '', ...fields] = (end === -1 ? request : request.slice(0, end)).trimStart().split('\n');
  const [method = '', path = ''] = line.split(' ');
  const headers = Object.fromEntries(fields.map((field) => field.split(': ', 2)));
  const answer = await server.request(method, path, end === -1 ? undefined : request.slice(end + 2), headers);
  const shown = shownHeaders.filter((header) => answer.headers.has(header));
  const lines = shown.map((header) => `${header}: ${answer.headers.get(header)}`);
  return [`${method} ${path}`, answer.status, ...lines, '', answer.text].join('\n');
}
