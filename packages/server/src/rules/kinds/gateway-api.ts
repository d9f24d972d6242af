import { parseDurationMs } from '@portolan/core/base/duration.ts';
import type {
  BackendRef,
  GatewayClass,
  GatewayListener,
  GatewayResource,
  GatewaySpec,
  GatewayValueMatch,
  GRPCRoute,
  GRPCRouteMatch,
  GRPCRouteRule,
  HeaderFilter,
  HTTPRoute,
  HTTPRouteFilter,
  HTTPRouteMatch,
  HTTPRouteRule,
  LabelSelector,
  ObjectRef,
  ParentRef,
  PathModifier,
  ReferenceGrant,
  RouteNamespaces,
  SessionPersistence,
  StreamRouteRule,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from '@portolan/core/rules/gateway-api.ts';
import type { At } from '../at.ts';
import {
  checkPath,
  checkRegex,
  dnsLabel,
  gatewayDuration,
  headerName,
  headerValue,
  hostName,
  serviceName,
} from '../formats.ts';
import {
  anyText,
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

export const gatewayClass = manifest<GatewayClass>(['spec'], {
  spec: object<GatewayClass['spec']>(['controllerName'], {
    controllerName: someText,
    description: anyText,
    parametersRef: object<Required<GatewayClass['spec']>['parametersRef']>(['group', 'kind', 'name'], {
      group: anyText,
      kind: someText,
      name: objectName,
      namespace: dnsLabel,
    }),
  }),
});

const objectRef = object<ObjectRef>(['name'], {
  group: anyText,
  kind: someText,
  namespace: dnsLabel,
  name: objectName,
});

const labelSelector = object<LabelSelector>([], {
  matchLabels: labels,
  matchExpressions: list(
    object<NonNullable<LabelSelector['matchExpressions']>[number]>(['key', 'operator'], {
      key: someText,
      operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'),
      values: list(anyText),
    }),
  ),
});

const routeNamespaces = object<RouteNamespaces>(
  [],
  { from: oneOf('All', 'Selector', 'Same', 'None'), selector: labelSelector },
  ({ from, selector }, at) => {
    if (from === 'Selector' && selector === undefined)
      at.in('selector').error('missing-field', 'is missing with from: Selector');
  },
);

const listenerTls = object<Required<GatewayListener>['tls']>(
  [],
  {
    mode: oneOf('Terminate', 'Passthrough'),
    certificateRefs: list(objectRef, { max: 64 }),
    options: mapOf(anyText),
  },
  ({ mode = 'Terminate', certificateRefs = [], options }, at) => {
    if (mode === 'Terminate' && certificateRefs.length === 0 && options === undefined) {
      at.in('certificateRefs').error('missing-field', 'is missing: mode Terminate shows a certificate');
    }
  },
);

const listener = object<GatewayListener>(
  ['name', 'port', 'protocol'],
  {
    name: objectName,
    hostname: hostName({ wildcard: true, empty: true }),
    port,
    protocol: someText,
    tls: listenerTls,
    allowedRoutes: object<Required<GatewayListener>['allowedRoutes']>([], {
      namespaces: routeNamespaces,
      kinds: list(
        object<{ readonly group?: string; readonly kind: string }>(['kind'], {
          group: anyText,
          kind: someText,
        }),
        {
          max: 8,
        },
      ),
    }),
  },
  ({ protocol, tls, hostname = '' }, at) => {
    if (['HTTPS', 'TLS'].includes(protocol) && tls === undefined) {
      at.in('tls').error('missing-field', `is missing with protocol ${protocol}`);
    }
    if (['HTTP', 'TCP', 'UDP'].includes(protocol) && tls !== undefined) {
      at.in('tls').error(
        'contradiction',
        `must not be there with protocol ${protocol}`,
        'write protocol: HTTPS or TLS',
      );
    }
    if (protocol === 'HTTPS' && tls?.mode === 'Passthrough') {
      at.in('tls', 'mode').error(
        'contradiction',
        'must be Terminate with protocol HTTPS',
        'write protocol: TLS',
      );
    }
    if (['TCP', 'UDP'].includes(protocol) && hostname !== '') {
      at.in('hostname').error('contradiction', `must not be there with protocol ${protocol}`);
    }
  },
);

export const gateway = manifest<GatewayResource>(['spec'], {
  spec: object<GatewaySpec>(
    ['gatewayClassName', 'listeners'],
    {
      gatewayClassName: objectName,
      listeners: list(listener, {
        min: 1,
        max: 64,
        check(listeners, at) {
          noTwins(
            listeners,
            at,
            ({ name }) => name,
            (name, first) => `is ${name}, as in listeners[${first}]`,
            ['name'],
          );
          noTwins(
            listeners,
            at,
            (one) => `${one.port}/${one.protocol}/${one.hostname ?? ''}`,
            (_, first) => `has the port, protocol and hostname of listeners[${first}]`,
          );
        },
      }),
      addresses: list(
        object<{ readonly type?: string; readonly value?: string }>([], { type: someText, value: anyText }),
        { max: 16 },
      ),
      infrastructure: object<Required<GatewaySpec>['infrastructure']>(
        [],
        { labels, annotations: mapOf(anyText) },
        undefined,
        new Set(['parametersRef']),
      ),
      allowedListeners: object<Required<GatewaySpec>['allowedListeners']>([], {
        namespaces: routeNamespaces,
      }),
    },
    undefined,
    new Set(['backendTLS', 'tls', 'defaultScope']),
  ),
});

const parentRef = object<ParentRef>(['name'], {
  group: anyText,
  kind: someText,
  namespace: dnsLabel,
  name: objectName,
  sectionName: objectName,
  port,
});

const backendRefFields = {
  group: anyText,
  kind: someText,
  namespace: dnsLabel,
  name: serviceName,
  port,
  weight: whole(0, 1_000_000),
};

function checkBackendRef({ group = '', kind = 'Service', port: given }: BackendRef, at: At): void {
  if (group === '' && kind === 'Service' && given === undefined) {
    at.in('port').error('missing-field', 'is missing: a Service is reached at a port');
  }
}

const backendRef = object<BackendRef>(['name'], backendRefFields, checkBackendRef);

const parentRefs = list(parentRef, { max: 32 });
const hostnames = list(hostName({ wildcard: true }), { max: 16 });

function streamRoute<R extends TLSRoute | TCPRoute | UDPRoute>() {
  const rules = list(
    object<StreamRouteRule>([], { name: objectName, backendRefs: list(backendRef, { max: 16 }) }),
    { min: 1, max: 16 },
  );
  const spec = object<R['spec'] & object>(
    ['rules'] as (keyof R['spec'] & string)[],
    { parentRefs, rules, hostnames } as unknown as Parameters<typeof object<R['spec'] & object>>[1],
  );
  return spec as Schema<R['spec']>;
}

const plainStream = streamRoute<TCPRoute>();
export const tlsRoute = manifest<TLSRoute>(['spec'], {
  spec: (value, at) => {
    const read = streamRoute<TLSRoute>()(value, at);
    if (read !== undefined && (read.hostnames ?? []).length === 0) {
      at.in('hostnames').error('missing-field', 'is missing: TLS routes are chosen by server name');
    }
    return read;
  },
});
export const tcpRoute = manifest<TCPRoute>(['spec'], { spec: plainStream });
export const udpRoute = manifest<UDPRoute>(['spec'], { spec: plainStream });

const httpPath = object<Required<HTTPRouteMatch>['path']>(
  [],
  { type: oneOf('Exact', 'PathPrefix', 'RegularExpression'), value: text({ max: 1024 }) },
  ({ type = 'PathPrefix', value = '/' }, at) => {
    if (type === 'RegularExpression') return checkRegex(value, at.in('value'));
    checkPath(value, at.in('value'));
    if (value.includes('//')) at.in('value').error('bad-path', 'must not have two slashes in a row');
    if (/\/\.{1,2}(\/|$)/.test(value))
      at.in('value').error('bad-path', 'must not have "." or ".." as a segment');
  },
);

function valueMatch(name: Schema<string>) {
  return object<GatewayValueMatch>(
    ['name', 'value'],
    { type: oneOf('Exact', 'RegularExpression'), name, value: text({ max: 4096 }) },
    ({ type, value }, at) => {
      if (type === 'RegularExpression') checkRegex(value, at.in('value'));
    },
  );
}

function valueMatches(name: Schema<string>, keyOf: (name: string) => string) {
  return list(valueMatch(name), {
    max: 16,
    check: (matches, at) =>
      noTwins(
        matches,
        at,
        (match) => keyOf(match.name),
        (key, first) => `is ${key}, as in [${first}]: only the first counts`,
        ['name'],
      ),
  });
}

const headerMatches = valueMatches(headerName, (name) => name.toLowerCase());

const httpMatch = object<HTTPRouteMatch>([], {
  path: httpPath,
  headers: headerMatches,
  queryParams: valueMatches(text({ min: 1, max: 256 }), (name) => name),
  method: text({
    check(value, at) {
      if (/^[A-Z]{1,20}$/.test(value)) return;
      const upper = value.toUpperCase();
      at.error(
        'bad-choice',
        `must be a method such as GET, not ${shown(value)}`,
        /^[A-Z]{1,20}$/.test(upper) ? `write ${upper}` : undefined,
      );
    },
  }),
});

const header = object<{ readonly name: string; readonly value: string }>(['name', 'value'], {
  name: headerName,
  value: headerValue,
});

const headerFilter = object<HeaderFilter>([], {
  set: list(header, { max: 64 }),
  add: list(header, { max: 64 }),
  remove: list(headerName, { max: 64 }),
});

interface AnyPathModifier {
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch';
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

const anyPathModifier = object<AnyPathModifier>(
  ['type'],
  {
    type: oneOf('ReplaceFullPath', 'ReplacePrefixMatch'),
    replaceFullPath: text({ max: 1024 }),
    replacePrefixMatch: text({ max: 1024 }),
  },
  ({ type, replaceFullPath, replacePrefixMatch }, at) => {
    const [needed, field] =
      type === 'ReplaceFullPath'
        ? [replaceFullPath, 'replaceFullPath']
        : [replacePrefixMatch, 'replacePrefixMatch'];
    if (needed === undefined) at.in(field).error('missing-field', `is missing with type: ${type}`);
  },
);
const pathModifier = anyPathModifier as Schema<PathModifier>;

/** The member of a filter that belongs to each type. */
const filterMembers = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  CORS: 'cors',
  ExternalAuth: undefined,
  ExtensionRef: 'extensionRef',
} as const satisfies Record<HTTPRouteFilter['type'], keyof HTTPRouteFilter | undefined>;

const redirectStatus: Schema<number> = (value, at) => {
  if (typeof value === 'number' && [301, 302, 303, 307, 308].includes(value)) return value;
  at.error('bad-choice', `must be one of 301, 302, 303, 307, 308, not ${shown(value)}`);
  return undefined;
};

const filter = object<HTTPRouteFilter>(
  ['type'],
  {
    type: oneOf(...(Object.keys(filterMembers) as HTTPRouteFilter['type'][])),
    requestHeaderModifier: headerFilter,
    responseHeaderModifier: headerFilter,
    requestMirror: object<Required<HTTPRouteFilter>['requestMirror']>(
      ['backendRef'],
      {
        backendRef,
        percent: whole(0, 100),
        fraction: object<{ readonly numerator: number; readonly denominator?: number }>(
          ['numerator'],
          {
            numerator: whole(0, 2 ** 31 - 1),
            denominator: whole(1, 2 ** 31 - 1),
          },
          ({ numerator, denominator = 100 }, at) => {
            if (numerator > denominator)
              at.in('numerator').error('out-of-range', 'must not be above the denominator');
          },
        ),
      },
      ({ percent, fraction }, at) => {
        if (percent !== undefined && fraction !== undefined)
          at.error('contradiction', 'must not have both percent and fraction');
      },
    ),
    requestRedirect: object<Required<HTTPRouteFilter>['requestRedirect']>([], {
      scheme: oneOf('http', 'https'),
      hostname: hostName({ wildcard: false }),
      path: pathModifier,
      port,
      statusCode: redirectStatus,
    }),
    urlRewrite: object<Required<HTTPRouteFilter>['urlRewrite']>([], {
      hostname: hostName({ wildcard: false }),
      path: pathModifier,
    }),
    cors: object<Required<HTTPRouteFilter>['cors']>([], {
      allowOrigins: list(someText, { max: 64 }),
      allowCredentials: flag,
      allowMethods: list(someText, { max: 9 }),
      allowHeaders: list(someText, { max: 64 }),
      exposeHeaders: list(someText, { max: 64 }),
      maxAge: whole(1, 2 ** 31 - 1),
    }),
    extensionRef: object<Required<HTTPRouteFilter>['extensionRef']>(['group', 'kind', 'name'], {
      group: anyText,
      kind: someText,
      name: objectName,
    }),
  },
  (value, at) => {
    const needed = filterMembers[value.type];
    if (needed !== undefined && value[needed] === undefined)
      at.in(needed).error('missing-field', `is missing with type: ${value.type}`);
    for (const member of Object.values(filterMembers)) {
      if (member !== undefined && member !== needed && value[member] !== undefined) {
        at.in(member).error('contradiction', `must not be there with type: ${value.type}`);
      }
    }
  },
  new Set(['externalAuth']),
);

const repeatable: ReadonlySet<string> = new Set(['RequestMirror', 'ExtensionRef']);

const filters = list(filter, {
  max: 16,
  check(given, at) {
    noTwins(
      given,
      at,
      ({ type }) => (repeatable.has(type) ? undefined : type),
      (type, first) => `is another ${type} besides filters[${first}]`,
      ['type'],
    );
    const types = new Set(given.map(({ type }) => type));
    if (types.has('RequestRedirect') && types.has('URLRewrite')) {
      at.error('contradiction', 'must not have both RequestRedirect and URLRewrite');
    }
  },
});

type FilteredRef = BackendRef & { readonly filters?: readonly HTTPRouteFilter[] };

const backendRefs = list(object<FilteredRef>(['name'], { ...backendRefFields, filters }, checkBackendRef), {
  max: 16,
});

const sessionPersistence = object<SessionPersistence>([], {
  sessionName: text({ max: 128 }),
  absoluteTimeout: gatewayDuration,
  idleTimeout: gatewayDuration,
  type: oneOf('Cookie', 'Header'),
  cookieConfig: object<Required<SessionPersistence>['cookieConfig']>([], {
    lifetimeType: oneOf('Permanent', 'Session'),
  }),
});

const httpRule = object<HTTPRouteRule>(
  [],
  {
    name: objectName,
    matches: list(httpMatch, { max: 64 }),
    filters,
    backendRefs,
    timeouts: object<Required<HTTPRouteRule>['timeouts']>(
      [],
      { request: gatewayDuration, backendRequest: gatewayDuration },
      ({ request, backendRequest }, at) => {
        const whole = parseDurationMs(request ?? '') ?? 0;
        if (whole > 0 && (parseDurationMs(backendRequest ?? '') ?? 0) > whole) {
          at.in('backendRequest').error(
            'out-of-range',
            `must not be longer than request, which is ${request}`,
          );
        }
      },
    ),
    retry: object<Required<HTTPRouteRule>['retry']>([], {
      codes: list(whole(400, 599), { max: 200 }),
      attempts: whole(1, 1000),
      backoff: gatewayDuration,
    }),
    sessionPersistence,
  },
  ({ filters: given = [], backendRefs: refs = [], matches = [] }, at) => {
    if (given.some(({ type }) => type === 'RequestRedirect') && refs.length > 0) {
      at.in('backendRefs').error(
        'contradiction',
        'must not be there with a RequestRedirect, which goes nowhere else',
      );
    }
    const replacesPrefix = given.some(
      (one) => (one.urlRewrite ?? one.requestRedirect)?.path?.type === 'ReplacePrefixMatch',
    );
    const prefixOnly = matches.every(({ path }) => (path?.type ?? 'PathPrefix') === 'PathPrefix');
    if (replacesPrefix && !prefixOnly) {
      at.in('filters').error(
        'contradiction',
        'must not use ReplacePrefixMatch where a match is not of type PathPrefix',
      );
    }
  },
);

/** Of one route in all. */
const maxMatches = 128;

function checkMatches(rules: readonly { readonly matches?: readonly unknown[] }[], at: At): void {
  const count = rules.reduce((sum, { matches = [] }) => sum + matches.length, 0);
  if (count > maxMatches)
    at.error('wrong-length', `must have at most ${maxMatches} matches in all, not ${count}`);
}

export const httpRoute = manifest<HTTPRoute>(['spec'], {
  spec: object<HTTPRoute['spec']>(
    [],
    {
      parentRefs,
      hostnames,
      rules: list(httpRule, { max: 16, check: checkMatches }),
    },
    undefined,
    new Set(['useDefaultGateways']),
  ),
});

const grpcMatch = object<GRPCRouteMatch>([], {
  method: object<Required<GRPCRouteMatch>['method']>(
    [],
    { type: oneOf('Exact', 'RegularExpression'), service: text({ max: 1024 }), method: text({ max: 1024 }) },
    ({ type = 'Exact', service = '', method = '' }, at) => {
      if (service === '' && method === '') at.error('missing-field', 'must have a service, a method or both');
      for (const [field, value] of [
        ['service', service],
        ['method', method],
      ] as const) {
        if (type === 'RegularExpression') checkRegex(value, at.in(field));
        else if (value.includes('/'))
          at.in(field).error('bad-name', `must not hold a slash: ${shown(value)}`);
      }
    },
  ),
  headers: headerMatches,
});

export const grpcRoute = manifest<GRPCRoute>(['spec'], {
  spec: object<GRPCRoute['spec']>(
    [],
    {
      parentRefs,
      hostnames,
      rules: list(
        object<GRPCRouteRule>([], {
          name: objectName,
          matches: list(grpcMatch, { max: 64 }),
          filters,
          backendRefs,
          sessionPersistence,
        }),
        { max: 16, check: checkMatches },
      ),
    },
    undefined,
    new Set(['useDefaultGateways']),
  ),
});

export const referenceGrant = manifest<ReferenceGrant>(['spec'], {
  spec: object<ReferenceGrant['spec']>(['from', 'to'], {
    from: list(
      object<ReferenceGrant['spec']['from'][number]>(['group', 'kind', 'namespace'], {
        group: anyText,
        kind: someText,
        namespace: dnsLabel,
      }),
      { min: 1, max: 16 },
    ),
    to: list(
      object<ReferenceGrant['spec']['to'][number]>(['group', 'kind'], {
        group: anyText,
        kind: someText,
        name: objectName,
      }),
      { min: 1, max: 16 },
    ),
  }),
});
