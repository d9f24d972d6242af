import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '@portolan/testkit/free-port.ts';
import { dockerdHome, launchDockerd, requireDockerd } from '@portolan/testkit/launch-dockerd.ts';
import { findProgram, requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { appears, goes, idle, newDataDir, one, services, startIn } from './docker-rig.ts';

/** An authority, a server at 127.0.0.1 and a client, in folders as Docker's own client wants them. */
function certificates(t: TestContext) {
  const directory = tempDir('docker-certs');
  t.after(() => directory.remove());
  const at = (name: string): string => join(directory.path, name);
  const openssl = (...args: string[]) =>
    execFileSync(findProgram('openssl') ?? 'openssl', args, { cwd: directory.path, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
  );
  const issue = (name: string, extensions: string): void => {
    writeFileSync(at(`${name}.ext`), extensions);
    openssl('req', ...newKey, '-keyout', `${name}key.pem`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'],
      ...['-extfile', `${name}.ext`, '-out', `${name}cert.pem`],
    );
  };
  issue('server-', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  issue('', 'extendedKeyUsage=clientAuth\n');
  return { path: directory.path, at };
}

test('two engines: one at its socket, one over TLS with certificates both ways; each keeps to its own', async (t) => {
  if (!requireDockerd(t) || requireProgram(t, 'openssl') === undefined) return;
  const { path, at } = certificates(t);
  const port = await freePort();
  const homes = [dockerdHome(t), dockerdHome(t)] as const;
  const near = await launchDockerd(homes[0]);
  const far = await launchDockerd(homes[1], [
    ...['--host', `tcp://127.0.0.1:${port}`, '--tlsverify', '--tlscacert', at('ca.pem')],
    ...['--tlscert', at('server-cert.pem'), '--tlskey', at('server-key.pem')],
  ]);
  const settings = join(path, 'portolan.yaml');
  writeFileSync(
    settings,
    `docker:
  host: ${near.host}
  engines:
    - host: tcp://127.0.0.1:${port}
      ip: 192.0.2.7
      cert-path: ${path}
`,
  );
  // Without the client's certificate the engine lets nobody in, and says so.
  renameSync(at('cert.pem'), at('cert.away'));
  renameSync(at('key.pem'), at('key.away'));
  const run = (name: string, engine: typeof near): Promise<string> =>
    engine.run({
      name,
      cmd: idle,
      labels: { SERVICE_NAME: name },
      hostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '0' }] } },
      expose: ['80/tcp'],
    });
  await run('near', near);
  await run('far', far);
  const portolan = await startIn(t, newDataDir(t), ['--config', settings]);
  await appears(portolan, 'near');
  await waitUntil(() => /Docker is away.*/.test(portolan.program.output()));
  assert.deepEqual(
    (await services(portolan)).map(({ Service }) => Service),
    ['near'],
  );
  assert.equal((await fetch(`${portolan.http}/readyz`)).status, 503);

  renameSync(at('cert.away'), at('cert.pem'));
  renameSync(at('key.away'), at('key.pem'));
  await appears(portolan, 'far');
  assert.equal((await one(portolan, 'far'))?.Address, '192.0.2.7');
  await waitUntil(async () => (await fetch(`${portolan.http}/readyz`)).status === 200);

  // What one engine says is no news about the other's.
  await near.call('DELETE', '/containers/near?force=1');
  await goes(portolan, 'near');
  await run('near-2', near);
  await appears(portolan, 'near-2');
  assert.notEqual(await one(portolan, 'far'), undefined);
  await far.call('DELETE', '/containers/far?force=1');
  await goes(portolan, 'far');
  assert.notEqual(await one(portolan, 'near-2'), undefined);
});
