import type {
  DestinationRule,
  DestinationRuleSpec,
  IstioClientTls,
  IstioConnectionPool,
  IstioCors,
  IstioDestination,
  IstioFault,
  IstioGateway,
  IstioGatewaySpec,
  IstioHeaderOperations,
  IstioHeaders,
  IstioHttpDestination,
  IstioHttpMatch,
  IstioHttpRoute,
  IstioLoadBalancer,
  IstioOutlierDetection,
  IstioPercent,
  IstioPortPolicy,
  IstioRedirect,
  IstioRetries,
  IstioServer,
  IstioStreamDestination,
  IstioStringMatch,
  IstioTcpRoute,
  IstioTlsRoute,
  IstioTrafficPolicy,
  IstioWorkload,
  ServiceEntry,
  ServiceEntrySpec,
  VirtualService,
  VirtualServiceSpec,
} from '@portolan/core/rules/istio.ts';
import type { At } from '../at.ts';
import { checkHost, cidr, cidrs, duration, headerName, headerValue, regex } from '../formats.ts';
import {
  anyText,
  decimal,
  flag,
  list,
  mapOf,
  noTwins,
  object,
  oneOf,
  type Schema,
  shown,
  someText,
  text,
  whole,
} from '../schema.ts';
import { port } from './kubernetes.ts';
import { labels, manifest, objectName } from './metadata.ts';

const names = list(someText, { max: 1000 });
/** Istio refuses shorter ones. */
const time = duration({ minMs: 1 });

/** A host of a rule: a name, a wildcard, `*`, with or without a namespace before it. */
function host(options: { namespace?: boolean } = {}): Schema<string> {
  return text({
    max: 512,
    check(value, at) {
      const slash = options.namespace ? value.indexOf('/') : -1;
      checkHost(value.slice(slash + 1), at, { wildcard: true, star: true });
    },
  });
}

/** A registered name may be anything that a registry takes; only what cannot be one is refused. */
const destinationHost = text({
  min: 1,
  max: 512,
  check(value, at) {
    if (value.includes('*')) at.error('bad-host', 'must be one service, without a wildcard');
    else if (/[\s/]/.test(value)) at.error('bad-host', `must be the name of a service, not ${shown(value)}`);
  },
});

const stringMatch = object<IstioStringMatch>(
  [],
  { exact: anyText, prefix: anyText, regex },
  ({ exact, prefix, regex: pattern }, at) => {
    const count = [exact, prefix, pattern].filter((one) => one !== undefined).length;
    if (count > 1) at.error('contradiction', 'must have only one of exact, prefix and regex');
  },
);

const headerMatches = mapOf(stringMatch, (name, at) => {
  if (headerName(name, at) !== undefined && name !== name.toLowerCase()) {
    at.warn('not-lower-case', 'is not in lower case: headers are compared so', `write ${name.toLowerCase()}`);
  }
});

const percent = object<IstioPercent>([], { value: decimal(0, 100) });

const destination = object<IstioDestination>(['host'], {
  host: destinationHost,
  subset: someText,
  port: object<{ readonly number?: number }>([], { number: port }),
});

const headerMap = mapOf(headerValue, (name, at) => void headerName(name, at));
const headerOperations = object<IstioHeaderOperations>([], {
  set: headerMap,
  add: headerMap,
  remove: list(headerName, { max: 64 }),
});
const headers = object<IstioHeaders>([], { request: headerOperations, response: headerOperations });

const weight = whole(0, 2 ** 31 - 1);

function checkWeights(targets: readonly { readonly weight?: number }[], at: At): void {
  if (targets.length < 2) return;
  for (const [index, { weight: given }] of targets.entries()) {
    if (given === undefined)
      at.in(index, 'weight').warn(
        'missing-weight',
        'is missing: of several destinations, one without weight gets nothing',
      );
  }
  if (targets.every(({ weight: given = 0 }) => given === 0))
    at.error('bad-weights', 'must have a weight above 0 somewhere');
}

const httpDestination = object<IstioHttpDestination>(['destination'], { destination, weight, headers });

const httpMatch = object<IstioHttpMatch>([], {
  name: anyText,
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: headerMatches,
  withoutHeaders: headerMatches,
  queryParams: mapOf(stringMatch),
  ignoreUriCase: flag,
  port,
  sourceLabels: labels,
  sourceNamespace: someText,
  gateways: names,
  statPrefix: anyText,
});

const redirectCode: Schema<number> = (value, at) => {
  if (typeof value === 'number' && [301, 302, 303, 307, 308].includes(value)) return value;
  at.error('bad-choice', `must be one of 301, 302, 303, 307, 308, not ${shown(value)}`);
  return undefined;
};

const redirect = object<IstioRedirect>(
  [],
  {
    uri: anyText,
    prefixRewrite: anyText,
    authority: someText,
    scheme: oneOf('http', 'https'),
    port,
    derivePort: oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    redirectCode,
  },
  ({ uri, prefixRewrite }, at) => {
    if (uri !== undefined && prefixRewrite !== undefined)
      at.error('contradiction', 'must not have both uri and prefixRewrite');
  },
);

/** Envoy's conditions for another try. */
const retryConditions: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

const retries = object<IstioRetries>([], {
  attempts: whole(0, 1000),
  perTryTimeout: time,
  retryOn: text({
    max: 1024,
    check(value, at) {
      for (const part of value
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '')) {
        if (!retryConditions.has(part) && !/^[1-5]\d\d$/.test(part)) {
          at.warn('unknown-condition', `has ${shown(part)}, which is no condition for a retry`);
        }
      }
    },
  }),
  backoff: time,
  retryRemoteLocalities: flag,
  retryIgnorePreviousHosts: flag,
});

const fault = object<IstioFault>([], {
  delay: object<Required<IstioFault>['delay']>(
    ['fixedDelay'],
    { fixedDelay: time, percentage: percent, percent: whole(0, 100) },
    undefined,
    new Set(['exponentialDelay']),
  ),
  abort: object<Required<IstioFault>['abort']>(
    [],
    { httpStatus: whole(200, 599), grpcStatus: someText, percentage: percent },
    ({ httpStatus, grpcStatus }, at) => {
      if ((httpStatus === undefined) === (grpcStatus === undefined)) {
        at.error('contradiction', 'must have exactly one of httpStatus and grpcStatus');
      }
    },
    new Set(['http2Error']),
  ),
});

const cors = object<IstioCors>(
  [],
  {
    allowOrigins: list(stringMatch, { max: 256 }),
    allowOrigin: names,
    allowMethods: names,
    allowHeaders: names,
    exposeHeaders: names,
    maxAge: time,
    allowCredentials: flag,
  },
  undefined,
  new Set(['unmatchedPreflights']),
);

const httpRoute = object<IstioHttpRoute>(
  [],
  {
    name: anyText,
    match: list(httpMatch, { max: 1000 }),
    route: list(httpDestination, { max: 100, check: checkWeights }),
    redirect,
    directResponse: object<Required<IstioHttpRoute>['directResponse']>(['status'], {
      status: whole(200, 599),
      body: object<{ readonly string?: string; readonly bytes?: string }>([], {
        string: text({ max: 1_000_000 }),
        bytes: anyText,
      }),
    }),
    delegate: object<Required<IstioHttpRoute>['delegate']>(['name'], {
      name: objectName,
      namespace: someText,
    }),
    rewrite: object<Required<IstioHttpRoute>['rewrite']>([], {
      uri: anyText,
      authority: someText,
      uriRegexRewrite: object<{ readonly match: string; readonly rewrite: string }>(['match', 'rewrite'], {
        match: regex,
        rewrite: anyText,
      }),
    }),
    timeout: duration(),
    retries,
    fault,
    mirror: destination,
    mirrors: list(
      object<NonNullable<IstioHttpRoute['mirrors']>[number]>(['destination'], {
        destination,
        percentage: percent,
      }),
      { max: 16 },
    ),
    mirrorPercentage: percent,
    mirrorPercent: whole(0, 100),
    corsPolicy: cors,
    headers,
  },
  ({ route = [], redirect: to, directResponse, delegate }, at) => {
    const ways = [
      route.length > 0,
      to !== undefined,
      directResponse !== undefined,
      delegate !== undefined,
    ].filter(Boolean).length;
    if (ways === 0)
      at.error('missing-field', 'must have one of route, redirect, directResponse and delegate');
    if (ways > 1)
      at.error('contradiction', 'must have only one of route, redirect, directResponse and delegate');
  },
  new Set(['mirror_percent']),
);

const streamRoute = list(object<IstioStreamDestination>(['destination'], { destination, weight }), {
  max: 100,
  check: checkWeights,
});

const streamMatch = {
  destinationSubnets: cidrs,
  port,
  sourceLabels: labels,
  gateways: names,
  sourceNamespace: someText,
};

const virtualServiceSpec = object<VirtualServiceSpec>(
  [],
  {
    hosts: list(host(), {
      max: 1000,
      check: (hosts, at) =>
        noTwins(
          hosts,
          at,
          (one) => one,
          (name, first) => `is ${name}, as in hosts[${first}]`,
        ),
    }),
    gateways: names,
    http: list(httpRoute, { max: 1000, check: checkShadowed }),
    tls: list(
      object<IstioTlsRoute>(['match'], {
        match: list(
          object<IstioTlsRoute['match'][number]>(['sniHosts'], {
            ...streamMatch,
            sniHosts: list(host(), { min: 1, max: 1000 }),
          }),
          { min: 1, max: 100 },
        ),
        route: streamRoute,
      }),
      { max: 1000 },
    ),
    tcp: list(
      object<IstioTcpRoute>([], {
        match: list(
          object<NonNullable<IstioTcpRoute['match']>[number]>(
            [],
            streamMatch,
            undefined,
            new Set(['sourceSubnet']),
          ),
          { max: 100 },
        ),
        route: streamRoute,
      }),
      { max: 1000 },
    ),
    exportTo: names,
  },
  ({ http = [], tls = [], tcp = [] }, at) => {
    if (http.length + tls.length + tcp.length === 0) at.error('missing-field', 'must have http, tls or tcp');
  },
);

/** Whatever stands after a route that takes every request is never asked. */
function checkShadowed(routes: readonly IstioHttpRoute[], at: At): void {
  const all = routes.findIndex(({ match = [] }) => match.length === 0);
  if (all !== -1 && all < routes.length - 1) {
    at.in(all + 1).warn(
      'unreachable',
      `is never reached: [${all}] has no match and takes every request`,
      `put [${all}] last`,
    );
  }
}

export const virtualService = manifest<VirtualService>(['spec'], { spec: virtualServiceSpec });

type ConsistentHash = Required<IstioLoadBalancer>['consistentHash'];

const loadBalancer = object<IstioLoadBalancer>(
  [],
  {
    simple: oneOf('UNSPECIFIED', 'LEAST_CONN', 'LEAST_REQUEST', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN'),
    consistentHash: object<ConsistentHash>(
      [],
      {
        httpHeaderName: headerName,
        httpCookie: object<Required<ConsistentHash>['httpCookie']>(['name'], {
          name: someText,
          path: anyText,
          ttl: duration(),
        }),
        useSourceIp: flag,
        httpQueryParameterName: someText,
        ringHash: object<{ readonly minimumRingSize?: number }>([], { minimumRingSize: whole(1, 8_388_608) }),
        maglev: object<{ readonly tableSize?: number }>([], { tableSize: whole(1, 5_000_011) }),
        minimumRingSize: whole(1, 8_388_608),
      },
      ({ httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName }, at) => {
        const keys = [httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName].filter(
          (one) => one !== undefined,
        );
        if (keys.length !== 1) {
          at.error(
            'contradiction',
            'must have exactly one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName',
          );
        }
      },
    ),
    localityLbSetting: object<Required<IstioLoadBalancer>['localityLbSetting']>([], {
      distribute: list(
        object<{ readonly from: string; readonly to: Readonly<Record<string, number>> }>(['from', 'to'], {
          from: someText,
          to: mapOf(whole(0, 100)),
        }),
      ),
      failover: list(
        object<{ readonly from: string; readonly to: string }>(['from', 'to'], {
          from: someText,
          to: someText,
        }),
      ),
      failoverPriority: names,
      enabled: flag,
    }),
    warmup: object<Required<IstioLoadBalancer>['warmup']>(['duration'], {
      duration: time,
      minimumPercent: decimal(0, 100),
      aggression: decimal(1, 100),
    }),
    warmupDurationSecs: time,
  },
  ({ simple, consistentHash }, at) => {
    if (simple !== undefined && consistentHash !== undefined)
      at.error('contradiction', 'must not have both simple and consistentHash');
  },
);

type TcpPool = Required<IstioConnectionPool>['tcp'];
const count = whole(0, 2 ** 31 - 1);

const connectionPool = object<IstioConnectionPool>([], {
  tcp: object<TcpPool>([], {
    maxConnections: count,
    connectTimeout: time,
    tcpKeepalive: object<Required<TcpPool>['tcpKeepalive']>([], { probes: count, time, interval: time }),
    maxConnectionDuration: time,
    idleTimeout: duration(),
  }),
  http: object<Required<IstioConnectionPool>['http']>([], {
    http1MaxPendingRequests: count,
    http2MaxRequests: count,
    maxRequestsPerConnection: count,
    maxRetries: count,
    idleTimeout: duration(),
    h2UpgradePolicy: oneOf('DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag,
    maxConcurrentStreams: count,
  }),
});

const outlierDetection = object<IstioOutlierDetection>([], {
  consecutive5xxErrors: count,
  consecutiveErrors: count,
  consecutiveGatewayErrors: count,
  consecutiveLocalOriginFailures: count,
  splitExternalLocalOriginErrors: flag,
  interval: time,
  baseEjectionTime: time,
  maxEjectionPercent: whole(0, 100),
  minHealthPercent: whole(0, 100),
});

const clientTls = object<IstioClientTls>(
  [],
  {
    mode: oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
    clientCertificate: someText,
    privateKey: someText,
    caCertificates: someText,
    credentialName: someText,
    subjectAltNames: names,
    sni: someText,
    insecureSkipVerify: flag,
  },
  undefined,
  new Set(['caCrl']),
);

const portPolicy = { loadBalancer, connectionPool, outlierDetection, tls: clientTls };

const trafficPolicy = object<IstioTrafficPolicy>([], {
  ...portPolicy,
  portLevelSettings: list(
    object<IstioPortPolicy & { readonly port: { readonly number: number } }>(['port'], {
      ...portPolicy,
      port: object<{ readonly number: number }>(['number'], { number: port }),
    }),
    {
      max: 4096,
      check: (settings, at) =>
        noTwins(
          settings,
          at,
          (one) => String(one.port.number),
          (number, first) => `is for port ${number}, as is [${first}]`,
        ),
    },
  ),
  tunnel: object<Required<IstioTrafficPolicy>['tunnel']>(['targetHost', 'targetPort'], {
    protocol: someText,
    targetHost: someText,
    targetPort: port,
  }),
  proxyProtocol: object<Required<IstioTrafficPolicy>['proxyProtocol']>([], { version: oneOf('V1', 'V2') }),
  retryBudget: object<Required<IstioTrafficPolicy>['retryBudget']>([], {
    percent: decimal(0, 100),
    minRetryConcurrency: count,
  }),
});

export const destinationRule = manifest<DestinationRule>(['spec'], {
  spec: object<DestinationRuleSpec>(['host'], {
    host: host(),
    trafficPolicy,
    subsets: list(
      object<NonNullable<DestinationRuleSpec['subsets']>[number]>(['name'], {
        name: someText,
        labels,
        trafficPolicy,
      }),
      {
        max: 1000,
        check: (subsets, at) =>
          noTwins(
            subsets,
            at,
            ({ name }) => name,
            (name, first) => `is ${name}, as in subsets[${first}]`,
            ['name'],
          ),
      },
    ),
    exportTo: names,
    workloadSelector: object<{ readonly matchLabels?: Readonly<Record<string, string>> }>([], {
      matchLabels: labels,
    }),
  }),
});

const workload = object<IstioWorkload>([], {
  address: text({
    max: 512,
    check: (value, at) => {
      if (value.startsWith('unix://') || /^[\w.:-]+$/.test(value)) return;
      at.error('bad-address', `must be an IP address or a host name, not ${shown(value)}`);
    },
  }),
  ports: mapOf(port),
  labels,
  network: anyText,
  locality: anyText,
  weight,
  serviceAccount: anyText,
});

/** Names of what ports speak, as Istio knows them. */
const protocols: ReadonlySet<string> = new Set([
  'HTTP',
  'HTTPS',
  'GRPC',
  'GRPC-WEB',
  'HTTP2',
  'MONGO',
  'TCP',
  'TLS',
  'MYSQL',
  'REDIS',
  'UDP',
  'HTTP_PROXY',
]);

const protocolName = text({
  check(value, at) {
    if (!protocols.has(value.toUpperCase()))
      at.error('bad-choice', `must be one of ${[...protocols].join(', ')}, not ${shown(value)}`);
  },
});

export const serviceEntry = manifest<ServiceEntry>(['spec'], {
  spec: object<ServiceEntrySpec>(
    ['hosts'],
    {
      hosts: list(host(), { min: 1, max: 1000 }),
      addresses: list(cidr, { max: 1000 }),
      ports: list(
        object<NonNullable<ServiceEntrySpec['ports']>[number]>(['number', 'name'], {
          number: port,
          protocol: protocolName,
          name: someText,
          targetPort: port,
        }),
        {
          max: 1000,
          check(ports, at) {
            noTwins(
              ports,
              at,
              ({ name }) => name,
              (name, first) => `is ${name}, as in ports[${first}]`,
              ['name'],
            );
            noTwins(
              ports,
              at,
              ({ number }) => String(number),
              (number, first) => `is ${number}, as in ports[${first}]`,
              ['number'],
            );
          },
        },
      ),
      location: oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'),
      resolution: oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
      endpoints: list(workload, { max: 10_000 }),
      workloadSelector: object<{ readonly labels?: Readonly<Record<string, string>> }>([], { labels }),
      exportTo: names,
      subjectAltNames: names,
    },
    ({ resolution, endpoints = [], workloadSelector, hosts }, at) => {
      if (resolution === 'STATIC' && endpoints.length === 0 && workloadSelector === undefined) {
        at.in('endpoints').error('missing-field', 'is missing with resolution: STATIC');
      }
      if (endpoints.length > 0 && workloadSelector !== undefined) {
        at.error('contradiction', 'must not have both endpoints and workloadSelector');
      }
      if (resolution === 'DNS' && endpoints.length === 0 && hosts.some((one) => one.startsWith('*'))) {
        at.in('resolution').error('contradiction', 'must not be DNS with a wildcard host and no endpoints');
      }
    },
  ),
});

const server = object<IstioServer>(
  ['port', 'hosts'],
  {
    port: object<IstioServer['port']>(
      ['number', 'protocol', 'name'],
      { number: port, protocol: protocolName, name: someText },
      undefined,
      new Set(['targetPort']),
    ),
    hosts: list(host({ namespace: true }), { min: 1, max: 1000 }),
    bind: someText,
    name: anyText,
    tls: object<Required<IstioServer>['tls']>(
      [],
      {
        httpsRedirect: flag,
        mode: oneOf('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
        credentialName: someText,
        credentialNames: list(someText, { max: 2 }),
        serverCertificate: someText,
        privateKey: someText,
        caCertificates: someText,
        subjectAltNames: names,
        minProtocolVersion: someText,
        maxProtocolVersion: someText,
        cipherSuites: names,
      },
      undefined,
      new Set([
        'caCertCredentialName',
        'caCrl',
        'verifyCertificateSpki',
        'verifyCertificateHash',
        'tlsCertificates',
      ]),
    ),
  },
  ({ port: { protocol }, tls }, at) => {
    const secure = ['HTTPS', 'TLS'].includes(protocol.toUpperCase());
    if (secure && tls === undefined)
      at.in('tls').error('missing-field', `is missing with protocol ${protocol}`);
    const { mode, credentialName, credentialNames, serverCertificate } = tls ?? {};
    const shows = mode === 'SIMPLE' || mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
    if (
      shows &&
      credentialName === undefined &&
      credentialNames === undefined &&
      serverCertificate === undefined
    ) {
      at.in('tls', 'credentialName').error(
        'missing-field',
        `is missing with mode: ${mode}: the Secret with the certificate`,
      );
    }
  },
);

export const istioGateway = manifest<IstioGateway>(['spec'], {
  spec: object<IstioGatewaySpec>(['servers'], {
    selector: labels,
    servers: list(server, { min: 1, max: 1000 }),
  }),
});
