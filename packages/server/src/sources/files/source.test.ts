import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { pino } from 'pino';
import { resolveSettings } from '../../config/resolve.ts';
import { type RunningServer, startServer } from '../../server.ts';

interface Rig {
  readonly directory: string;
  /** `name:port` of every Service there is, in order. */
  services(): Promise<string>;
  until(wanted: string): Promise<unknown>;
  /** Codes of the diagnostics about manifests. */
  problems(): Promise<readonly string[]>;
  untilProblem(code: string): Promise<unknown>;
  untilNoProblem(): Promise<unknown>;
  call(method: string, path: string, body?: string): Promise<{ status: number; text: string }>;
  restart(): Promise<void>;
}

interface Options {
  /** Before the first start. */
  readonly prepare?: (directory: string) => void;
}

async function rig(t: TestContext, options: Options = {}): Promise<Rig> {
  const root = tempDir('manifests');
  const directory = join(root.path, 'manifests');
  mkdirSync(directory);
  options.prepare?.(directory);
  let running: RunningServer | undefined;
  let url = '';

  async function start(): Promise<void> {
    const settings = resolveSettings({
      flags: {
        'data-dir': join(root.path, 'data'),
        node: 'n1',
        manifests: directory,
        listen: ['http=127.0.0.1:0', 'dns=off', 'gateway=off', 'proxy-admin=off'],
      },
      env: {},
      file: undefined,
      machine: { hostName: 'n1', cores: 1 },
    });
    running = await startServer(settings, {
      log: pino({ level: process.env.PORTOLAN_TEST_LOG ?? 'silent' }),
    });
    url = `http://127.0.0.1:${running.listeners.find(({ name }) => name === 'http')?.port}`;
  }

  async function call(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(url + path, { method, ...(body === undefined ? {} : { body }) });
    return { status: response.status, text: await response.text() };
  }

  async function services(): Promise<string> {
    const { text } = await call('GET', '/portolan/v1/resources/core/v1/services');
    const { items } = JSON.parse(text) as {
      items: { metadata: { name: string }; spec: { ports: { port: number }[] } }[];
    };
    return items.map(({ metadata, spec }) => `${metadata.name}:${spec.ports[0]?.port}`).join(' ');
  }

  async function problems(): Promise<readonly string[]> {
    const { text } = await call('GET', '/portolan/v1/diagnostics');
    const { diagnostics } = JSON.parse(text) as { diagnostics: { code: string }[] };
    return diagnostics.map(({ code }) => code).filter((code) => code.startsWith('manifest'));
  }

  await start();
  t.after(async () => {
    await running?.stop(0);
    root.remove();
  });
  return {
    directory,
    services,
    problems,
    call,
    until: (wanted) => waitUntil(async () => (await services()) === wanted, { what: `services ${wanted}` }),
    untilProblem: (code) =>
      waitUntil(async () => (await problems()).includes(code), { what: `the problem ${code}` }),
    untilNoProblem: () => waitUntil(async () => (await problems()).length === 0, { what: 'no problems' }),
    async restart() {
      await running?.stop(0);
      await start();
    },
  };
}

function service(name: string, port: number | string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: ${port}}]}\n`;
}

test('manifests are there when the server is, and follow their files', async (t) => {
  const files = await rig(t, {
    prepare(directory) {
      mkdirSync(join(directory, 'sub'));
      writeFileSync(join(directory, 'a.yaml'), `${service('a', 1)}---\n${service('b', 1)}`);
      writeFileSync(
        join(directory, 'sub', 'c.json'),
        JSON.stringify({
          kind: 'Service',
          apiVersion: 'v1',
          metadata: { name: 'c' },
          spec: { ports: [{ port: 1 }] },
        }),
      );
      writeFileSync(join(directory, 'README.md'), 'not a manifest');
      writeFileSync(join(directory, '.hidden.yaml'), service('hidden', 1));
    },
  });
  assert.equal(await files.services(), 'a:1 b:1 c:1');
  writeFileSync(join(files.directory, 'a.yaml'), service('a', 2));
  await files.until('a:2 c:1');
  // As editors save: a new file in place of the old one.
  writeFileSync(join(files.directory, '.a.yaml.swp'), service('a', 3));
  renameSync(join(files.directory, '.a.yaml.swp'), join(files.directory, 'a.yaml'));
  await files.until('a:3 c:1');
  mkdirSync(join(files.directory, 'deep', 'er'), { recursive: true });
  writeFileSync(join(files.directory, 'deep', 'er', 'd.yml'), service('d', 1));
  await files.until('a:3 c:1 d:1');
  rmSync(join(files.directory, 'deep'), { recursive: true });
  await files.until('a:3 c:1');
  // A resource that moves from one file to another stays the same one.
  renameSync(join(files.directory, 'a.yaml'), join(files.directory, 'sub', 'z.yaml'));
  await waitUntil(
    async () =>
      (await files.call('GET', '/portolan/v1/resources/core/v1/services/default/a')).text.includes(
        'sub/z.yaml',
      ),
    { what: 'the new owner' },
  );
  const { text } = await files.call('GET', '/portolan/v1/resources/core/v1/services/default/a');
  assert.match(text, /"generation":3/);
});

test('of a file with a bad document the others are applied, and the last good version of that one stays', async (t) => {
  const files = await rig(t, {
    prepare: (directory) =>
      writeFileSync(join(directory, 'a.yaml'), `${service('a', 1)}---\n${service('b', 1)}`),
  });
  const path = join(files.directory, 'a.yaml');
  writeFileSync(path, `${service('a', 'x')}---\n${service('b', 2)}`);
  await files.until('a:1 b:2');
  assert.deepEqual(await files.problems(), ['manifest-wrong-type']);
  // Half-written: nobody knows whether b is still in it.
  writeFileSync(path, `${service('a', 3)}---\nkind: [`);
  await files.until('a:3 b:2');
  assert.deepEqual(await files.problems(), ['manifest-syntax']);
  writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00]));
  await files.untilProblem('manifest-unreadable');
  assert.equal(await files.services(), 'a:3 b:2');
  writeFileSync(path, service('a', 4));
  await files.until('a:4');
  await files.untilNoProblem();
});

test('a directory that is gone, or was swapped for an empty one, takes nothing away', async (t) => {
  const files = await rig(t, {
    prepare: (directory) => writeFileSync(join(directory, 'a.yaml'), service('a', 1)),
  });
  const elsewhere = `${files.directory}-elsewhere`;
  renameSync(files.directory, elsewhere);
  await files.untilProblem('manifests-unavailable');
  assert.equal(await files.services(), 'a:1');
  mkdirSync(files.directory);
  await files.untilProblem('manifests-empty');
  assert.equal(await files.services(), 'a:1');
  await files.restart();
  assert.deepEqual([await files.services(), await files.problems()], ['a:1', ['manifests-empty']]);
  rmSync(files.directory, { recursive: true });
  renameSync(elsewhere, files.directory);
  await files.untilNoProblem();
  // This is the directory that had it: now the file is really removed.
  rmSync(join(files.directory, 'a.yaml'));
  await files.until('');
});

test('a mounted ConfigMap is followed through its swapped links', async (t) => {
  const files = await rig(t, {
    prepare(directory) {
      mkdirSync(join(directory, '..v1'));
      writeFileSync(join(directory, '..v1', 'a.yaml'), service('a', 1));
      symlinkSync('..v1', join(directory, '..data'));
      symlinkSync('..data/a.yaml', join(directory, 'a.yaml'));
    },
  });
  assert.equal(await files.services(), 'a:1');
  mkdirSync(join(files.directory, '..v2'));
  writeFileSync(join(files.directory, '..v2', 'a.yaml'), service('a', 2));
  symlinkSync('..v2', join(files.directory, '..data_tmp'));
  renameSync(join(files.directory, '..data_tmp'), join(files.directory, '..data'));
  await files.until('a:2');
});

test('links that go round in circles, and two files with one resource, are told', async (t) => {
  const files = await rig(t, {
    prepare(directory) {
      symlinkSync('.', join(directory, 'again'));
      symlinkSync('nowhere.yaml', join(directory, 'dangling.yaml'));
      writeFileSync(join(directory, 'a.yaml'), service('a', 1));
      writeFileSync(join(directory, 'b.yaml'), service('a', 2));
    },
  });
  assert.equal(await files.services(), 'a:1');
  assert.deepEqual([...(await files.problems())].sort(), ['manifest-duplicate', 'manifest-unreadable']);
  rmSync(join(files.directory, 'a.yaml'));
  await files.until('a:2');
});

test('what a file brought is the file’s: the API is told so, unless it takes over; what the API brought stays the API’s', async (t) => {
  const files = await rig(t, {
    prepare: (directory) => writeFileSync(join(directory, 'a.yaml'), service('a', 1)),
  });
  const path = '/portolan/v1/resources/core/v1/services/default';
  const refused = await files.call('PUT', `${path}/a`, service('a', 2));
  assert.equal(refused.status, 409);
  assert.match(
    refused.text,
    /Service default\/a belongs to the file .*a\.yaml of n1: change it there, or take it over with force/,
  );
  assert.equal((await files.call('DELETE', `${path}/a`)).status, 409);
  assert.equal((await files.call('PUT', `${path}/a?force=true`, service('a', 2))).status, 200);
  await files.untilProblem('manifest-not-taken');
  assert.equal(await files.services(), 'a:2');
  // Once it is nobody's, the file has it again.
  await files.call('DELETE', `${path}/a`);
  await files.until('a:1');
  await files.untilNoProblem();
  await files.call('PUT', `${path}/b`, service('b', 1));
  writeFileSync(join(files.directory, 'b.yaml'), service('b', 2));
  await files.untilProblem('manifest-not-taken');
  assert.equal(await files.services(), 'a:1 b:1');
  rmSync(join(files.directory, 'b.yaml'));
  await files.untilNoProblem();
  assert.equal(await files.services(), 'a:1 b:1');
});

test('a restart finds what was removed meanwhile, and changes nothing of the rest', async (t) => {
  const files = await rig(t, {
    prepare(directory) {
      writeFileSync(join(directory, 'a.yaml'), service('a', 1));
      writeFileSync(join(directory, 'b.yaml'), service('b', 1));
    },
  });
  const before = await files.call('GET', '/portolan/v1/resources/core/v1/services/default/a');
  rmSync(join(files.directory, 'b.yaml'));
  await files.restart();
  assert.equal(await files.services(), 'a:1');
  assert.deepEqual(await files.call('GET', '/portolan/v1/resources/core/v1/services/default/a'), before);
});
