/**
 * Every setting of the server as data: its key in `portolan.yaml`, its flag, its variable, its default. Plain data without
 * imports, so that the command line can list the flags without loading the validators. What a value may be is in
 * `schemas.ts`, under the same key; a test holds the two together.
 */
export interface SettingInfo {
  /** Dotted path in the file, and the setting's name everywhere else: `gateway.domain`. */
  readonly key: SettingKey;
  /** Without the dashes: `gateway-domain`. */
  readonly flag: string;
  /** `PORTOLAN_GATEWAY_DOMAIN`. */
  readonly variable: string;
  /** What the flag's argument is, for help texts; undefined: a switch. */
  readonly argument: string | undefined;
  readonly description: string;
  /** As the user would write it; undefined: found out at start, `defaultText` says how. */
  readonly defaultValue: string | boolean | undefined;
  readonly defaultText?: string;
}

export type ListenerName = 'http' | 'dns' | 'gateway' | 'gateway-tls' | 'proxy-admin';

export type SettingKey =
  | `listen.${ListenerName}`
  | 'node'
  | 'datacenter'
  | 'address'
  | 'data-dir'
  | 'store'
  | 'store-reserve'
  | 'allow-anonymous'
  | 'drain-timeout'
  | 'log.level'
  | 'log.format'
  | 'http.max-connections'
  | 'gateway.domain'
  | 'gateway.tls.certificates'
  | 'gateway.workers'
  | 'gateway.access-log'
  | 'gateway.access-log-format'
  | 'gateway.tracing'
  | 'gateway.tracing-ratio'
  | 'gateway.outlive'
  | 'gateway.max-tcp-listeners'
  | 'gateway.min-tcp-port'
  | 'dns.domain'
  | 'dns.service-ttl'
  | 'dns.node-ttl'
  | 'dns.forwarders'
  | 'dns.forward-for'
  | 'dns.forward-timeout'
  | 'dns.alt-domain'
  | 'dns.cluster-domain'
  | 'dns.only-passing'
  | 'dns.negative-ttl'
  | 'dns.address-limit'
  | 'dns.udp-answer-limit'
  | 'dns.node-metadata'
  | 'dns.max-stale'
  | 'dns.responses-per-second'
  | 'http.allowed-hosts'
  | 'gateway.trusted-peers'
  | 'gateway.zone'
  | 'health.max-running'
  | 'manifests'
  | 'cluster-ip.mode'
  | 'cluster-ip.range'
  | 'load-balancer.pool'
  | 'docker.host'
  | 'docker.cert-path'
  | 'docker.engines'
  | 'docker.ip'
  | 'docker.internal'
  | 'docker.explicit'
  | 'docker.tags'
  | 'docker.ip-from-label'
  | 'docker.ttl'
  | 'docker.deregister'
  | 'docker.resync'
  | 'nginx.run'
  | 'nginx.config-file'
  | 'nginx.http-file'
  | 'nginx.stream-file'
  | 'nginx.pid-file'
  | 'nginx.reload-command'
  | 'nginx.binary'
  | 'nginx.listen'
  | 'nginx.balance'
  | 'nginx.debounce'
  | 'nginx.follow-dns'
  | 'templates';

/** The doors of the server and where they are unless told otherwise. */
export const listenerDefaults: Readonly<Record<ListenerName, string>> = {
  http: '127.0.0.1:8500',
  dns: '127.0.0.1:8600',
  gateway: '127.0.0.1:8080',
  'gateway-tls': '127.0.0.1:8443',
  'proxy-admin': '127.0.0.1:9901',
};

const listenerTexts: Readonly<Record<ListenerName, string>> = {
  http: 'Consul HTTP API, Portolan API',
  dns: 'DNS over UDP and TCP',
  gateway: 'the HTTP edge',
  'gateway-tls': 'the HTTPS edge; off where gateway is off, on a free port where it is',
  'proxy-admin': 'readiness, config dump and metrics of the data plane',
};

export const listenerNames = Object.keys(listenerDefaults) as readonly ListenerName[];

/** In the order in which help and documentation list them. */
export const settingInfos: readonly SettingInfo[] = [
  ...listenerNames.map((name) => ({
    key: `listen.${name}` as const,
    // All of them share one flag that may be given several times: --listen NAME=ADDR:PORT.
    flag: 'listen',
    variable: variableOf(`listen.${name}`),
    argument: 'ADDR:PORT|off',
    description: `where the ${name} listener is bound: ${listenerTexts[name]}`,
    defaultValue: listenerDefaults[name],
  })),
  setting('node', 'NAME', 'name of this node', undefined, 'the host name'),
  setting('datacenter', 'NAME', 'name of the datacenter', 'dc1'),
  setting('address', 'IP', 'address by which others reach this machine', '127.0.0.1'),
  setting('data-dir', 'DIR', 'where everything that must survive a restart is kept', './portolan-data'),
  setting('store', 'lmdb|memory', 'where the registry is kept; memory forgets everything at exit', 'lmdb'),
  setting('store-reserve', 'SIZE', 'disk space kept back so that deletes work on a full disk', '8MiB'),
  setting(
    'allow-anonymous',
    undefined,
    'bind other than loopback addresses although nobody is asked who they are',
    false,
  ),
  setting('drain-timeout', 'DURATION', 'how long work under way may go on after SIGTERM', '10s'),
  setting('log.level', 'LEVEL', 'fatal, error, warn, info, debug or trace', 'info'),
  setting('log.format', 'FORMAT', 'json, pretty, or auto: pretty on a terminal', 'auto'),
  setting('http.max-connections', 'N', 'connections to the http listener at the same time', '20000'),
  setting('gateway.domain', 'DOMAIN', 'a service tagged http is served under <service>.DOMAIN', 'localhost'),
  setting(
    'gateway.tls.certificates',
    'CERT:KEY,…',
    'certificates of the HTTPS edge, the first for names that none is for; exchanged when the files change',
    '',
    'a self-signed one in data-dir',
  ),
  setting('gateway.workers', 'N', 'processes of the data plane', undefined, 'one per core, at most 4'),
  setting('gateway.access-log', 'FILE|stdout|off', 'one line for each request', 'off'),
  setting(
    'gateway.access-log-format',
    'json|combined|TEXT',
    'how a line is written; in a text $status, $request_uri and others are replaced',
    'json',
  ),
  setting('gateway.tracing', 'URL|off', 'an OTLP/HTTP receiver that gets a span for each request', 'off'),
  setting(
    'gateway.tracing-ratio',
    'RATIO',
    'of requests that come without a decision of their caller',
    '0.01',
  ),
  setting(
    'gateway.outlive',
    'DURATION',
    'how long the gateway goes on when the server has died; 0: no longer',
    '15m',
  ),
  setting('gateway.max-tcp-listeners', 'N', 'ports that services may open by their names, in all', '100'),
  setting('gateway.min-tcp-port', 'PORT', 'the lowest port that a service may open', '1024'),
  setting('dns.domain', 'DOMAIN', 'the zone that is answered for', 'consul'),
  setting('dns.service-ttl', 'DURATION', 'TTL of answers about services; for single ones NAME=10s,…', '0s'),
  setting('dns.node-ttl', 'DURATION', 'TTL of answers about nodes', '0s'),
  setting(
    'dns.forwarders',
    'IP:PORT,…',
    'where questions outside the zone go; none: they are refused',
    '',
    'none',
  ),
  setting('dns.forward-for', 'CIDR,…', 'whose questions are forwarded', '127.0.0.0/8,::1/128'),
  setting('dns.forward-timeout', 'DURATION', 'how long one forwarder may take', '2s'),
  setting('dns.alt-domain', 'DOMAIN', 'a second zone with the same content', '', 'none'),
  setting(
    'dns.cluster-domain',
    'DOMAIN',
    "zone of Kubernetes' names: <service>.<namespace>.svc.DOMAIN",
    'cluster.local',
  ),
  setting('dns.only-passing', undefined, 'leaves instances in warning out too', false),
  setting('dns.negative-ttl', 'DURATION', 'how long a resolver may keep that a name does not exist', '0s'),
  setting('dns.address-limit', 'N', 'A and AAAA records in one answer; 0: all that fit', '0'),
  setting('dns.udp-answer-limit', 'N', 'records in one answer by UDP without EDNS; 0: all that fit', '0'),
  setting('dns.node-metadata', undefined, "adds nodes' metadata to answers about nodes, as TXT", false),
  setting('dns.max-stale', 'DURATION', 'how long answers go on while the store is away; 0: without end', '0'),
  setting(
    'dns.responses-per-second',
    'N',
    'to one client network and question by UDP, then half are cut short and half dropped; 0: no limit',
    '0',
  ),
  setting('http.allowed-hosts', 'NAME,…', 'further names that the Host of a request may have', '', 'none'),
  setting(
    'gateway.trusted-peers',
    'CIDR,…',
    'proxies whose X-Forwarded-… are believed; from others they are replaced',
    '',
    'none',
  ),
  setting(
    'gateway.zone',
    'ZONE',
    'where this gateway is: clusters that prefer a zone prefer instances with the same `zone` in their metadata',
    '',
    'unknown',
  ),
  setting('health.max-running', 'N', 'health checks that run at the same time', '512'),
  setting(
    'manifests',
    'DIR',
    'directory of manifests (Service, Ingress, HTTPRoute, VirtualService …) that is watched and applied',
    '',
    'none',
  ),
  setting(
    'cluster-ip.mode',
    'MODE',
    'how virtual addresses of Service manifests are served: listen (the gateway does), nft (the kernel does; Linux, root), off',
    'listen',
  ),
  setting(
    'cluster-ip.range',
    'CIDR',
    'where Service manifests get their virtual addresses; of 127.0.0.0/8 they need no set-up; nft needs another',
    '127.96.0.0/12',
  ),
  setting(
    'load-balancer.pool',
    'CIDR',
    'addresses of this machine that Services of type LoadBalancer get, one each',
    '',
    "the gateway's address for all",
  ),
  {
    ...setting(
      'docker.host',
      'unix:///PATH|tcp://HOST:PORT|off',
      'registers the containers of this Docker Engine',
      'off',
    ),
    flag: 'docker',
  },
  setting(
    'docker.cert-path',
    'DIR',
    'ca.pem, cert.pem and key.pem with which docker.host is spoken to over TLS',
    '',
    'without TLS',
  ),
  setting(
    'docker.engines',
    'HOST,…',
    'further engines; in the settings file each may also be a mapping of host, ip and cert-path',
    '',
    'none',
  ),
  setting(
    'docker.ip',
    'IP',
    'address of every published port',
    '',
    'where Docker bound it, or address where that is everywhere',
  ),
  setting(
    'docker.internal',
    undefined,
    'registers the addresses and ports of the containers themselves',
    false,
  ),
  setting('docker.explicit', undefined, 'registers only containers that have a SERVICE_NAME', false),
  setting('docker.tags', 'TAG,…', 'tags that every instance gets; may be a Go template', '', 'none'),
  setting('docker.ip-from-label', 'LABEL', 'label of a container that holds its address', '', 'none'),
  setting(
    'docker.ttl',
    'DURATION',
    'removes what an engine registered that is away for this long',
    '0s',
    'it stays',
  ),
  setting('docker.deregister', 'WHEN', 'when a container dies: always or on-success', 'always'),
  setting('docker.resync', 'DURATION', 'how often everything is compared anew; 0: at each connect', '5m'),
  setting('nginx.run', undefined, 'run nginx, with a configuration that is wholly ours', false),
  setting(
    'nginx.config-file',
    'FILE',
    'write a whole nginx.conf here',
    '',
    'none; with nginx.run in data-dir',
  ),
  setting('nginx.http-file', 'FILE', 'write what an nginx.conf of yours includes in http {…}', '', 'none'),
  setting('nginx.stream-file', 'FILE', 'write what it includes in stream {…}: TCP ports', '', 'none'),
  setting('nginx.pid-file', 'FILE', 'names the nginx that is reloaded', '', '/run/nginx.pid, or in data-dir'),
  setting('nginx.reload-command', 'COMMAND', 'reloads nginx in place of a signal', '', 'none'),
  setting('nginx.binary', 'PROGRAM', 'nginx itself, which also checks every configuration', 'nginx'),
  setting(
    'nginx.listen',
    'ADDR:PORT',
    'where nginx serves HTTP; TCP ports: the same address',
    '127.0.0.1:8081',
  ),
  setting('nginx.balance', 'POLICY', 'round-robin or least-conn', 'round-robin'),
  setting('nginx.debounce', 'DURATION', 'changes within this of each other cost one reload', '200ms'),
  setting(
    'nginx.follow-dns',
    'BOOL',
    'an nginx from 1.27.3 up follows endpoints by our DNS, with no reload',
    'true',
  ),
  setting(
    'templates',
    'FILE',
    "files kept equal to templates: a configuration of consul-template's, or in the settings file a list",
    '',
    'none',
  ),
];

/** A flag of `portolan server`. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** Undefined: a switch without an argument. */
  readonly argument: string | undefined;
  /** May be given several times. */
  readonly repeatable: boolean;
  readonly description: string;
  /** For help texts only; do not hand it to the parser, or the origin of the value is lost. */
  readonly defaultText: string;
}

/** What is planned, not done, with: a gateway alone has no use for it. */
const controlPlaneOnly = [
  'gateway-domain',
  'gateway-max-tcp-listeners',
  'gateway-min-tcp-port',
  'gateway-outlive',
  'gateway-tls-certificates',
];

/** The flags of `portolan server`. What was parsed goes to `runServer` as `FlagValues`. */
export const serverFlags: readonly Flag[] = [
  {
    name: 'config',
    argument: 'FILE',
    repeatable: false,
    description: 'settings file (variable PORTOLAN_CONFIG)',
    defaultText: 'none',
  },
  {
    name: 'listen',
    argument: 'NAME=ADDR:PORT|off',
    repeatable: true,
    description: `moves a listener or turns it off; names: ${listenerNames.join(', ')}; port 0 takes a free one`,
    defaultText: listenerNames.map((name) => `${name}=${listenerDefaults[name]}`).join(' '),
  },
  ...settingInfos
    .filter((info) => info.flag !== 'listen')
    .map((info) => ({
      name: info.flag,
      argument: info.argument,
      repeatable: false,
      description: info.description,
      defaultText: info.defaultText ?? String(info.defaultValue),
    })),
];

/** Of these, the flags of `portolan gateway`: its `--state-dir` is the server's `--data-dir`. */
export const gatewayFlags: readonly Flag[] = serverFlags.filter(
  ({ name }) =>
    ['config', 'listen', 'node', 'allow-anonymous', 'drain-timeout', 'log-level', 'log-format'].includes(
      name,
    ) ||
    (name.startsWith('gateway-') && !controlPlaneOnly.includes(name)),
);

/** What the command line held, by the flag's name without dashes; a flag that was not given is absent. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** `gateway.access-log` → `PORTOLAN_GATEWAY_ACCESS_LOG`. */
export function variableOf(key: string): string {
  return `PORTOLAN_${key.replaceAll(/[.-]/g, '_').toUpperCase()}`;
}

function setting(
  key: SettingKey,
  argument: string | undefined,
  description: string,
  defaultValue: string | boolean | undefined,
  defaultText?: string,
): SettingInfo {
  return {
    key,
    flag: key.replaceAll('.', '-'),
    variable: variableOf(key),
    argument,
    description,
    defaultValue,
    ...(defaultText === undefined ? {} : { defaultText }),
  };
}
