import type { ClusterIpRange } from '@portolan/core/rules/cluster-ip.ts';
import type { CertificateFiles } from '../certificates/config.ts';
import type { Bind } from '../contract.ts';
import type { DnsConfig } from '../outlets/dns/config.ts';
import type { NginxSettings } from '../outlets/nginx/config.ts';
import { type DockerConfig, formatEngineAddress } from '../sources/docker/config.ts';
import type { FilesConfig } from '../sources/files/config.ts';
import type { ListenerName, SettingKey } from './flags.ts';
import type { SettingValues } from './schemas.ts';

/** Everything that the server can be told, checked and with defaults. Times are milliseconds. */
export interface Settings {
  /** Undefined: turned off. */
  readonly listeners: Readonly<Record<ListenerName, Bind | undefined>>;
  readonly node: string;
  readonly datacenter: string;
  readonly address: string;
  readonly dataDir: string;
  readonly store: 'lmdb' | 'memory';
  readonly storeReserveBytes: number;
  readonly allowAnonymous: boolean;
  readonly drainTimeoutMs: number;
  readonly log: {
    readonly level: SettingValues['log.level'];
    readonly format: SettingValues['log.format'];
  };
  readonly http: { readonly maxConnections: number; readonly allowedHosts: readonly string[] };
  readonly gateway: {
    readonly domain: string;
    /** Of the HTTPS edge; none: one is made. */
    readonly certificates: readonly CertificateFiles[];
    readonly workers: number;
    /** A file, `stdout` or `off`. */
    readonly accessLog: string;
    readonly accessLogFormat: string;
    /** Undefined: off. */
    readonly tracing: { readonly url: string; readonly ratio: number } | undefined;
    readonly outliveMs: number;
    readonly trustedPeers: readonly string[];
    /** Empty: unknown. */
    readonly zone: string;
    readonly maxTcpListeners: number;
    readonly minTcpPort: number;
  };
  readonly dns: Omit<DnsConfig, 'listen'>;
  readonly health: { readonly maxRunning: number };
  /** Undefined: turned off. */
  /** One for each engine. */
  readonly docker: readonly DockerConfig[];
  /** Undefined: turned off. */
  /** Undefined: LoadBalancers are at the gateway's address. */
  readonly loadBalancer: { readonly pool: ClusterIpRange | undefined };
  /** Virtual addresses of Service manifests. */
  readonly clusterIp: { readonly mode: 'listen' | 'nft' | 'off'; readonly range: ClusterIpRange };
  readonly manifests: FilesConfig | undefined;
  readonly nginx: NginxSettings;
  readonly templates: SettingValues['templates'];
  /** Where each value came from. */
  readonly origins: Readonly<Record<SettingKey, Origin>>;
  /** Read well, but probably not meant so. */
  readonly warnings: readonly string[];
}

export interface Origin {
  readonly from: 'flag' | 'variable' | 'file' | 'default';
  /** `--node`, `PORTOLAN_NODE`, `portolan.yaml:3:1`, or `default`. */
  readonly place: string;
  /** As it was written. */
  readonly given: string;
}

export function settingsFrom(
  values: SettingValues,
  origins: Settings['origins'],
  warnings: readonly string[],
): Settings {
  return {
    listeners: {
      http: values['listen.http'].bind,
      dns: values['listen.dns'].bind,
      gateway: values['listen.gateway'].bind,
      'gateway-tls': values['listen.gateway-tls'].bind,
      'proxy-admin': values['listen.proxy-admin'].bind,
    },
    node: values.node,
    datacenter: values.datacenter,
    address: values.address,
    dataDir: values['data-dir'],
    store: values.store,
    storeReserveBytes: values['store-reserve'],
    allowAnonymous: values['allow-anonymous'],
    drainTimeoutMs: values['drain-timeout'],
    log: { level: values['log.level'], format: values['log.format'] },
    http: { maxConnections: values['http.max-connections'], allowedHosts: values['http.allowed-hosts'] },
    gateway: {
      domain: values['gateway.domain'],
      certificates: values['gateway.tls.certificates'],
      workers: values['gateway.workers'],
      accessLog: values['gateway.access-log'],
      accessLogFormat: values['gateway.access-log-format'],
      tracing: tracingFrom(values),
      outliveMs: values['gateway.outlive'],
      trustedPeers: values['gateway.trusted-peers'],
      zone: values['gateway.zone'],
      maxTcpListeners: values['gateway.max-tcp-listeners'],
      minTcpPort: values['gateway.min-tcp-port'],
    },
    dns: {
      domain: values['dns.domain'],
      altDomain: values['dns.alt-domain'],
      clusterDomain: values['dns.cluster-domain'],
      onlyPassing: values['dns.only-passing'],
      serviceTtlSeconds: values['dns.service-ttl'],
      nodeTtlSeconds: Math.round(values['dns.node-ttl'] / 1000),
      negativeTtlSeconds: Math.round(values['dns.negative-ttl'] / 1000),
      addressLimit: values['dns.address-limit'],
      plainUdpAnswerLimit: values['dns.udp-answer-limit'],
      nodeMetadataAdditional: values['dns.node-metadata'],
      maxStaleMs: values['dns.max-stale'] === 0 ? Number.POSITIVE_INFINITY : values['dns.max-stale'],
      responsesPerSecond: values['dns.responses-per-second'],
      forwarders: values['dns.forwarders'],
      forwardFor: values['dns.forward-for'],
      forwardTimeoutMs: values['dns.forward-timeout'],
    },
    health: { maxRunning: values['health.max-running'] },
    loadBalancer: { pool: values['load-balancer.pool'] },
    clusterIp: { mode: values['cluster-ip.mode'], range: values['cluster-ip.range'] },
    manifests: values.manifests === '' ? undefined : { directory: values.manifests },
    docker: dockerFrom(values),
    nginx: {
      run: values['nginx.run'],
      configFile: values['nginx.config-file'],
      httpFile: values['nginx.http-file'],
      streamFile: values['nginx.stream-file'],
      pidFile: values['nginx.pid-file'],
      reloadCommand: values['nginx.reload-command'],
      binary: values['nginx.binary'],
      listen: values['nginx.listen'].bind,
      balance: values['nginx.balance'],
      debounceMs: values['nginx.debounce'],
      followDns: values['nginx.follow-dns'],
    },
    templates: values.templates,
    origins,
    warnings,
  };
}

/** An engine that is named twice is one. */
function tracingFrom(values: SettingValues): Settings['gateway']['tracing'] {
  const { url } = values['gateway.tracing'];
  return url === undefined ? undefined : { url, ratio: values['gateway.tracing-ratio'] };
}

function dockerFrom(values: SettingValues): readonly DockerConfig[] {
  const first = values['docker.host'].engineAt(values['docker.cert-path']);
  const named = [
    ...(first === undefined ? [] : [{ engine: first, ip: undefined }]),
    ...values['docker.engines'],
  ];
  const engines = new Map(named.map((entry) => [formatEngineAddress(entry.engine), entry]));
  const sources = [...engines.keys()];
  return Array.from(engines, ([source, { engine, ip }]) => ({
    engine,
    others: new Set(sources.filter((other) => other !== source)),
    ip: ip ?? values['docker.ip'].address,
    internal: values['docker.internal'],
    explicit: values['docker.explicit'],
    tags: values['docker.tags'],
    ipFromLabel: values['docker.ip-from-label'],
    ttlMs: values['docker.ttl'],
    deregister: values['docker.deregister'],
    resyncMs: values['docker.resync'],
  }));
}
