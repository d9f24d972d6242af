import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { systemClock } from '../engine/system-clock.ts';
import { createLog } from '../log.ts';
import type { CertificateFiles } from './config.ts';
import { certificatesSchema } from './config.ts';
import { edgeCertificates } from './edge-certificates.ts';
import { type Issued, issueCertificate } from './issue.ts';

function directoryFor(t: TestContext): string {
  const directory = tempDir('certificates');
  t.after(() => directory.remove());
  return directory.path;
}

function issued(name: string): Promise<Issued> {
  const nowMs = Date.now();
  return issueCertificate({
    ...{ subject: `CN=${name}`, dnsNames: [name, `*.${name}`] },
    ...{ notBefore: new Date(nowMs - 1_000), notAfter: new Date(nowMs + 86_400_000) },
  });
}

function write(directory: string, { chain, key }: Issued): CertificateFiles {
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  writeFileSync(files.cert, chain);
  writeFileSync(files.key, key, { mode: 0o600 });
  return files;
}

function start(t: TestContext, directory: string, files: readonly CertificateFiles[], names = ['localhost']) {
  const seen = { changes: 0 };
  const part = edgeCertificates({
    ...{ files, directory, names, clock: systemClock, log: createLog({ level: 'fatal', format: 'json' }) },
    onChange: () => {
      seen.changes++;
    },
  });
  t.after(() => part.stop(0));
  return { part, seen };
}

test('without files a certificate is made once, and kept readable for its owner only', async (t) => {
  const directory = directoryFor(t);
  const names = ['localhost', '*.localhost', '127.0.0.1', '::1'];
  const first = start(t, directory, [], names);
  await first.part.start();
  const [made] = first.part.list();
  assert.deepEqual(made?.serverNames, ['localhost', '?.localhost']);
  assert.equal(statSync(join(directory, 'gateway-certificate-key.pem')).mode & 0o777, 0o600);
  const second = start(t, directory, [], names);
  await second.part.start();
  assert.deepEqual(second.part.list(), [made], 'a restart shows the same');
  const third = start(t, directory, [], [...names, 'portolan.test']);
  await third.part.start();
  assert.notEqual(third.part.list()[0]?.chain, made?.chain, 'other names, another certificate');
});

test('files that change are exchanged; what is wrong is told, and the last good one stays', async (t) => {
  const directory = directoryFor(t);
  const [a, b] = await Promise.all([issued('a.test'), issued('b.test')]);
  const files = write(directory, a);
  const { part, seen } = start(t, directory, [files]);
  await part.start();
  const before = part.list();
  assert.deepEqual(before[0]?.serverNames, ['a.test', '?.a.test']);
  assert.equal(part.list(), before, 'the same list while nothing changes');

  writeFileSync(files.cert, b.chain);
  await waitUntil(() => (part.diagnostics?.().length ?? 0) === 1);
  assert.match(part.diagnostics?.()[0]?.message ?? '', /is not the key of the certificate/);
  assert.equal(part.list(), before);
  writeFileSync(files.key, b.key);
  await waitUntil(() => part.list() !== before);
  assert.deepEqual(part.list()[0]?.serverNames, ['b.test', '?.b.test']);
  assert.deepEqual([part.diagnostics?.(), seen.changes], [[], 1]);
});

test('a mounted secret, whose directory is exchanged by a link, is followed', async (t) => {
  const directory = directoryFor(t);
  const [a, b] = await Promise.all([issued('a.test'), issued('b.test')]);
  for (const [name, one] of Object.entries({ a, b })) {
    mkdirSync(join(directory, name));
    write(join(directory, name), one);
  }
  symlinkSync('a', join(directory, '..data'));
  symlinkSync('..data/tls.crt', join(directory, 'tls.crt'));
  symlinkSync('..data/tls.key', join(directory, 'tls.key'));
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  const { part } = start(t, directory, [files]);
  await part.start();
  symlinkSync('b', join(directory, '..new'));
  renameSync(join(directory, '..new'), join(directory, '..data'));
  await waitUntil(() => part.list()[0]?.serverNames[0] === 'b.test');
});

test('what cannot be served is refused at start, with the file and the fix', async (t) => {
  const directory = directoryFor(t);
  const [a, b] = await Promise.all([issued('a.test'), issued('b.test')]);
  const files = write(directory, { ...a, key: b.key });
  await assert.rejects(start(t, directory, [files]).part.start(), {
    code: 'invalid',
    message: `gateway.tls.certificates: ${files.key} is not the key of the certificate in ${files.cert}: name the two that were issued together`,
  });
  writeFileSync(files.cert, 'nothing');
  await assert.rejects(start(t, directory, [files]).part.start(), /tls.crt holds no certificate in PEM/);
  const missing = { ...files, cert: join(directory, 'missing') };
  await assert.rejects(start(t, directory, [missing]).part.start(), /missing cannot be read: ENOENT/);
  writeFileSync(files.cert, a.chain);
  writeFileSync(files.key, readFileSync(files.cert));
  await assert.rejects(start(t, directory, [files]).part.start(), /tls.key holds no private key/);
});

test('the setting is a list of pairs, or the same as text', () => {
  const pairs = [
    { cert: 'a.crt', key: 'a.key' },
    { cert: '/b.crt', key: '/b.key' },
  ];
  assert.deepEqual(certificatesSchema.parse(pairs), pairs);
  assert.deepEqual(certificatesSchema.parse('a.crt:a.key, /b.crt:/b.key'), pairs);
  assert.deepEqual(certificatesSchema.parse(''), []);
  for (const wrong of ['a.crt', 'a:b:c', ':key', [{ cert: 'a' }], [{ ...pairs[0], more: 1 }], [1]]) {
    assert.equal(certificatesSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});
