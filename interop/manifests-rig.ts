import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueCertificate } from '@portolan/server/certificates/issue.ts';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin } from './portolan-process.ts';

/** What a test must have: `node:test`'s context, or one for several tests. */
export interface Scope {
  after(callback: () => Promise<void> | void): void;
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
  /** Default: the gateway's own. */
  readonly port?: number;
}

export interface Instance {
  readonly name: string;
  readonly port: number;
  readonly version?: string;
  readonly tags?: readonly string[];
}

export interface Stage {
  readonly url: string;
  readonly gateway: number;
  readonly tls: number;
  register(...instances: readonly Instance[]): Promise<void>;
  deregister(instance: Instance): Promise<void>;
  /**
   * `portolan apply -f` of a published file, as it is, and waits until the gateway goes by it; returns what was printed. Ports that it
   * opens are the exception: they must be free here.
   */
  applyFile(file: string, ports?: Readonly<Record<number, number>>): Promise<string>;
  /** Manifests by the API, and waits until the gateway goes by them; returns what was answered. */
  apply(...manifests: readonly object[]): Promise<string>;
  /** Takes everything away that was applied so far. */
  clear(): Promise<void>;
  cli(...args: readonly string[]): Promise<string>;
  ask(host: string, asked?: Asked): Promise<Reply>;
  askTls(host: string, asked?: Asked): Promise<Reply>;
  /** How often each answer came, of `count` requests, at most 16 at once. */
  tally(host: string, count: number, asked?: Asked): Promise<Map<string, number>>;
}

/** One server with its gateway for a whole file of tests. */
export async function startStage(scope: Scope, testdata: string): Promise<Stage> {
  const scratch = tempDir('manifests');
  scope.after(() => scratch.remove());
  const folder = fileURLToPath(new URL(`./testdata/${testdata}/`, import.meta.url));
  const server = await launchPortolan({
    test: { after: (callback) => scope.after(callback) },
    listen: ['gateway-tls=127.0.0.1:0'],
    args: ['--gateway-workers', '1'],
  });
  const [gateway, tls] = [server.port('gateway'), server.port('gateway-tls')];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  scope.after(() => agent.destroy());
  const ask = (host: string, asked: Asked = {}): Promise<Reply> =>
    send(http.request({ port: gateway, ...optionsOf(host, asked) }), asked.body);
  let round = 0;

  /** Changes come to the gateway in order: when the last one is in force, so are the others. */
  const settled = async (): Promise<void> => {
    round += 1;
    const location = `/round-${round}`;
    const annotations = { 'nginx.ingress.kubernetes.io/permanent-redirect': location };
    const rules = [{ host: 'marker.test', http: { paths: [path('/', 'marker')] } }];
    await post(server.url, [ingress('marker', annotations, { rules })]);
    await waitUntil(async () => (await ask('marker.test')).headers.location === location, {
      what: 'the gateway to have the rules',
    });
  };
  const cli = async (...args: readonly string[]): Promise<string> => {
    const { error, stdout, stderr } = await run(server.url, args);
    assert.equal(error, null, `${args.join(' ')}\n${stdout}${stderr}`);
    return stdout + stderr;
  };
  return {
    ...{ url: server.url, gateway, tls, ask, cli },
    askTls: (host, asked = {}) =>
      send(
        https.request({ port: tls, ...optionsOf(host, asked), servername: host, rejectUnauthorized: false }),
        asked.body,
      ),
    async register(...instances) {
      for (const { name, port, version, tags = ['http'] } of instances) {
        await put(`${server.url}/v1/agent/service/register`, {
          ...{ ID: `${name}-${port}`, Name: name, Address: '127.0.0.1', Port: port, Tags: tags },
          ...(version === undefined ? {} : { Meta: { version } }),
        });
      }
    },
    async deregister({ name, port }) {
      await put(`${server.url}/v1/agent/service/deregister/${name}-${port}`);
    },
    async applyFile(file, ports = {}) {
      let at = join(folder, file);
      if (Object.keys(ports).length > 0) {
        let text = readFileSync(at, 'utf8');
        for (const [from, to] of Object.entries(ports))
          text = text
            .replaceAll(`port: ${from}`, `port: ${to}`)
            .replaceAll(`number: ${from}`, `number: ${to}`);
        at = join(scratch.path, basename(file));
        writeFileSync(at, text);
      }
      const printed = await cli('apply', '-f', at);
      await settled();
      return printed;
    },
    async apply(...manifests) {
      const text = await post(server.url, manifests);
      await settled();
      return text;
    },
    async clear() {
      const { kinds } = (await (await fetch(`${server.url}/portolan/v1/resources`)).json()) as {
        kinds: { path: string; namespaced: boolean; count: number }[];
      };
      for (const { path: at } of kinds.filter(({ count }) => count > 0)) {
        const { items } = (await (await fetch(`${server.url}${at}`)).json()) as {
          items: { metadata: { name: string; namespace?: string } }[];
        };
        for (const { metadata } of items) {
          await fetch(`${server.url}${at}/${metadata.namespace ?? '_'}/${metadata.name}`, {
            method: 'DELETE',
          });
        }
      }
      await settled();
    },
    async tally(host, count, asked = {}) {
      const found = new Map<string, number>();
      let left = count;
      const one = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const { status, body } = await send(
            http.request({ port: gateway, ...optionsOf(host, asked), agent }),
            asked.body,
          );
          const answer = status === 200 ? body : String(status);
          found.set(answer, (found.get(answer) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 16 }, one));
      return found;
    },
  };
}

function run(
  url: string,
  args: readonly string[],
): Promise<{ readonly error: Error | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, PORTOLAN_SERVER: url };
    execFile(process.execPath, [portolanBin, ...args], { env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    );
  });
}

async function put(url: string, body?: object): Promise<void> {
  const response = await fetch(url, { method: 'PUT', ...(body && { body: JSON.stringify(body) }) });
  assert.equal(response.status, 200, await response.text());
}

async function post(url: string, manifests: readonly object[]): Promise<string> {
  const body = manifests.map((one) => JSON.stringify(one)).join('\n---\n');
  const response = await fetch(`${url}/portolan/v1/apply`, { method: 'POST', body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

function optionsOf(
  host: string,
  { path: at = '/', method = 'GET', headers = {}, port }: Asked,
): http.RequestOptions {
  const to = port === undefined ? {} : { port };
  return { host: '127.0.0.1', agent: false, method, path: at, headers: { host, ...headers }, ...to };
}

function send(request: http.ClientRequest, body = ''): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.end(body);
  });
}

/** The names of all files of a folder of `testdata`, so that a test can tell that it has each. */
export function filesOf(testdata: string): readonly string[] {
  const folder = fileURLToPath(new URL(`./testdata/${testdata}/`, import.meta.url));
  return readdirSync(folder).filter((name) => name.endsWith('.yaml'));
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export function path(text: string, service: string, port = 80, pathType = 'Prefix'): object {
  return { path: text, pathType, backend: { service: { name: service, port: { number: port } } } };
}

export function ingress(name: string, annotations: Readonly<Record<string, string>>, spec: object): object {
  const metadata = { name, annotations };
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata, spec };
}

export async function tlsSecret(name: string, dnsNames: readonly string[]): Promise<object> {
  const nowMs = Date.now();
  const { chain, key } = await issueCertificate({
    ...{ subject: `CN=${name}`, dnsNames: [...dnsNames] },
    ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
  });
  const stringData = { 'tls.crt': chain, 'tls.key': key };
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name }, stringData };
}

/** Whether `hits` of `count` may come of a chance of `share`: 3σ. */
export function isWithin3Sigma(hits: number, count: number, share: number): boolean {
  return Math.abs(hits - count * share) <= 3 * Math.sqrt(count * share * (1 - share));
}
