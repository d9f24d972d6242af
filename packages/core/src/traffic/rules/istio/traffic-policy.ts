import { parseDurationMs } from '../../../base/duration.ts';
import type {
  IstioClientTls,
  IstioConnectionPool,
  IstioLoadBalancer,
  IstioOutlierDetection,
  IstioTrafficPolicy,
} from '../../../rules/istio.ts';
import type { BalancePolicy, HashKey, OutlierDetection, UpstreamTls } from '../../cluster.ts';
import { clusterDefaults } from '../../defaults.ts';
import type { ClusterSettings, PlanContext } from '../contract.ts';
import { authorityIn } from './gateway.ts';

export interface PolicySource {
  /** Of the DestinationRule: its Secrets are meant. */
  readonly namespace: string;
  readonly context: PlanContext;
  /** `spec.trafficPolicy`; '' where somebody else reports. */
  readonly path: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a traffic policy says of a cluster; what it does not speak of stays as it is. */
export function settingsOf(policy: IstioTrafficPolicy | undefined, from: PolicySource): ClusterSettings {
  if (policy === undefined) return {};
  const settings: Mutable<ClusterSettings> = {};
  Object.assign(
    settings,
    balancing(policy.loadBalancer, from),
    pool(policy.connectionPool),
    outliers(policy.outlierDetection),
  );
  if (policy.tls !== undefined) settings.tls = upstreamTls(policy.tls, from);
  if (policy.proxyProtocol !== undefined) {
    settings.proxyProtocol = policy.proxyProtocol.version === 'V2' ? 'v2' : 'v1';
  }
  if (policy.retryBudget !== undefined) {
    const { percent = 20, minRetryConcurrency = 3 } = policy.retryBudget;
    settings.retryBudget = { percent, minConcurrency: minRetryConcurrency };
  }
  if (policy.tunnel !== undefined) unsupported(from, 'tunnel', 'tunnels are not made here: it is left out');
  return settings;
}

function balancing(balancer: IstioLoadBalancer | undefined, from: PolicySource): ClusterSettings {
  if (balancer === undefined) return {};
  const { localityLbSetting, warmup, warmupDurationSecs } = balancer;
  const balance = policyOf(balancer, from);
  const windowMs = durationMs(warmup?.duration ?? warmupDurationSecs);
  return {
    ...(balance === undefined ? {} : { balance }),
    ...(windowMs === undefined
      ? {}
      : {
          slowStart: {
            windowMs,
            aggression: warmup?.aggression ?? 1,
            minWeightPercent: warmup?.minimumPercent ?? 10,
          },
        }),
    ...(localityLbSetting === undefined ? {} : { zonePreference: localityLbSetting.enabled !== false }),
  };
}

function policyOf(
  { simple, consistentHash }: IstioLoadBalancer,
  from: PolicySource,
): BalancePolicy | undefined {
  if (consistentHash !== undefined) {
    const key = hashKey(consistentHash);
    if (key === undefined) return undefined;
    return { policy: consistentHash.maglev === undefined ? 'ring-hash' : 'maglev', key };
  }
  switch (simple) {
    case 'LEAST_CONN':
    case 'LEAST_REQUEST':
      return { policy: 'least-request' };
    case 'RANDOM':
      return { policy: 'random' };
    case 'ROUND_ROBIN':
      return { policy: 'round-robin' };
    case 'PASSTHROUGH':
      unsupported(
        from,
        'loadBalancer.simple',
        'PASSTHROUGH is for proxies that catch connections: it is left out',
      );
      return undefined;
    default:
      return undefined;
  }
}

function hashKey(hash: NonNullable<IstioLoadBalancer['consistentHash']>): HashKey | undefined {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = hash;
  if (httpHeaderName !== undefined) return { type: 'header', name: httpHeaderName.toLowerCase() };
  if (httpQueryParameterName !== undefined) return { type: 'query', name: httpQueryParameterName };
  if (useSourceIp === true) return { type: 'source-address' };
  if (httpCookie === undefined) return undefined;
  const { name, path } = httpCookie;
  const ttlMs = durationMs(httpCookie.ttl);
  return {
    ...{ type: 'cookie', name },
    ...(path === undefined ? {} : { path }),
    ...(ttlMs === undefined ? {} : { ttlS: Math.ceil(ttlMs / 1_000) }),
  };
}

function pool(connections: IstioConnectionPool | undefined): ClusterSettings {
  const { tcp = {}, http = {} } = connections ?? {};
  const connectTimeoutMs = durationMs(tcp.connectTimeout);
  const idleTimeoutMs = durationMs(http.idleTimeout ?? tcp.idleTimeout);
  return {
    ...(tcp.maxConnections === undefined ? {} : { maxConnections: tcp.maxConnections }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(http.http1MaxPendingRequests === undefined
      ? {}
      : { maxPendingRequests: http.http1MaxPendingRequests }),
    ...(http.http2MaxRequests === undefined ? {} : { maxRequests: http.http2MaxRequests }),
    ...(http.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: http.maxRequestsPerConnection }),
    ...(http.maxRetries === undefined ? {} : { maxRetries: http.maxRetries }),
    ...(http.h2UpgradePolicy === 'UPGRADE' ? { protocol: 'http2' as const } : {}),
  };
}

/** Istio's defaults hold as soon as it is spoken of at all: 5 errors, 10 s, 30 s, 10 %. */
function outliers(detection: IstioOutlierDetection | undefined): ClusterSettings {
  if (detection === undefined) return {};
  const {
    consecutive5xxErrors,
    consecutiveErrors,
    consecutiveGatewayErrors = 0,
    maxEjectionPercent = 10,
  } = detection;
  const consecutive5xx = consecutive5xxErrors ?? consecutiveErrors ?? 5;
  const split = detection.splitExternalLocalOriginErrors === true;
  const baseEjectionMs = durationMs(detection.baseEjectionTime) ?? 30_000;
  const outlier: OutlierDetection = {
    ...clusterDefaults.outlier,
    consecutive5xx,
    // Without the split, what fails on the way counts as a 5xx.
    consecutiveLocalFailures: split ? (detection.consecutiveLocalOriginFailures ?? 5) : consecutive5xx,
    baseEjectionMs,
    maxEjectionMs: Math.max(clusterDefaults.outlier.maxEjectionMs, baseEjectionMs),
    maxEjectionPercent,
    intervalMs: durationMs(detection.interval) ?? 10_000,
    ...(consecutiveGatewayErrors === 0 ? {} : { consecutiveGatewayFailures: consecutiveGatewayErrors }),
  };
  // Istio trusts what it sees, unless it is told otherwise: when all are out, nobody is asked.
  return { outlier, panicPercent: detection.minHealthPercent ?? 0 };
}

function upstreamTls(tls: IstioClientTls, from: PolicySource): UpstreamTls | undefined {
  const { mode = 'DISABLE', credentialName, sni, subjectAltNames, insecureSkipVerify } = tls;
  if (mode === 'DISABLE') return undefined;
  if (mode === 'ISTIO_MUTUAL') {
    unsupported(
      from,
      'tls.mode',
      'ISTIO_MUTUAL needs identities that this mesh does not give yet: connections are in clear',
    );
    return undefined;
  }
  for (const file of ['caCertificates', 'clientCertificate'] as const) {
    if (tls[file] !== undefined && credentialName === undefined) {
      unsupported(
        from,
        `tls.${file}`,
        'files of a proxy are not read here: put it into a Secret and name it in credentialName',
      );
    }
  }
  const { context, namespace } = from;
  const ca = credentialName === undefined ? undefined : authorityIn(namespace, credentialName, context);
  const own =
    mode === 'MUTUAL' && credentialName !== undefined
      ? context.certificate(namespace, credentialName)
      : undefined;
  if (own !== undefined && 'problem' in own) {
    unsupported(from, 'tls.credentialName', `no certificate can be shown to the service: ${own.problem}`);
  }
  return {
    verify: insecureSkipVerify !== true,
    ...(sni === undefined || sni === '' ? {} : { serverName: sni }),
    ...(ca === undefined ? {} : { ca }),
    ...(subjectAltNames?.length ? { subjectAltNames } : {}),
    ...(own !== undefined && 'name' in own ? { certificate: own.name } : {}),
  };
}

function unsupported({ context, path }: PolicySource, field: string, message: string): void {
  if (path !== '') context.report('warning', 'unsupported-field', message, `${path}.${field}`);
}

function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationMs(text);
}
