import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import type {
  ConfigMap,
  EndpointAddress,
  EndpointPort,
  EndpointSlice,
  EndpointSubset,
  Endpoints,
  IngressClass,
  ObjectReference,
  Service,
  ServicePort,
  ServiceSpec,
  SliceEndpoint,
} from '@portolan/core/rules/kubernetes.ts';
import type { IntOrString } from '@portolan/core/rules/metadata.ts';
import type { At } from '../at.ts';
import { base64, cidrs, dnsLabel, hidden, hostName, ipAddress } from '../formats.ts';
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
import { labels, manifest, objectName } from './metadata.ts';

export const port = whole(1, 65_535);

/** IANA's service names, as container ports have them: at most 15 characters with a letter among them. */
function isPortName(value: string): boolean {
  return value.length <= 15 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(value) && /[a-z]/.test(value);
}

export const portName = text({
  max: 253,
  check(value, at) {
    if (isPortName(value)) return;
    at.error(
      'bad-name',
      `must be at most 15 lower-case letters, digits and "-" with a letter among them, not ${shown(value)}`,
    );
  },
});

const targetPort: Schema<IntOrString> = (value, at) => {
  if (typeof value === 'number') return port(value, at);
  if (typeof value !== 'string' || isPortName(value)) return portName(value, at);
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 65_535) return portName(value, at);
  at.warn(
    'number-as-text',
    'is a number in quotes: Kubernetes looks for a port of that name',
    `write ${value} without quotes`,
  );
  return number;
};

const protocol = oneOf('TCP', 'UDP', 'SCTP');

const servicePort = object<ServicePort>(['port'], {
  name: dnsLabel,
  protocol,
  port,
  targetPort,
  nodePort: whole(0, 65_535),
  appProtocol: someText,
});

/** Where Kubernetes lets node ports be. */
const nodePorts = { least: 30_000, most: 32_767 };

const servicePorts = list(servicePort, {
  max: 1000,
  check(ports, at) {
    const places = (field: string) => (name: string, first: number) =>
      `is ${name}, the ${field} of ports[${first}] already`;
    if (ports.length > 1) {
      for (const [index, { name }] of ports.entries()) {
        if (name === undefined)
          at.in(index, 'name').error('missing-field', 'is missing: of several ports each has a name');
      }
    }
    noTwins(ports, at, ({ name }) => name, places('name'), ['name']);
    noTwins(ports, at, (one) => `${one.port}/${one.protocol ?? 'TCP'}`, places('port'), ['port']);
    noTwins(
      ports,
      at,
      ({ nodePort, protocol = 'TCP' }) =>
        nodePort === undefined || nodePort === 0 ? undefined : `${nodePort}/${protocol}`,
      places('nodePort'),
      ['nodePort'],
    );
    for (const [index, { nodePort = 0 }] of ports.entries()) {
      if (nodePort !== 0 && (nodePort < nodePorts.least || nodePort > nodePorts.most)) {
        at.in(index, 'nodePort').error(
          'out-of-range',
          `must be from ${nodePorts.least} to ${nodePorts.most}, not ${nodePort}`,
        );
      }
    }
  },
});

const clusterIp = text({
  max: 64,
  check(value, at) {
    if (value === '' || value === 'None' || isIpAddress(value)) return;
    at.error(
      'bad-address',
      `must be an IP address or None, not ${shown(value)}`,
      value.toLowerCase() === 'none' ? 'write None' : undefined,
    );
  },
});

const serviceSpec = object<ServiceSpec>(
  [],
  {
    type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    selector: labels,
    ports: servicePorts,
    clusterIP: clusterIp,
    clusterIPs: list(clusterIp, { max: 2 }),
    externalName: hostName({ wildcard: false, empty: true }),
    externalIPs: list(ipAddress, { max: 1000 }),
    loadBalancerIP: ipAddress,
    loadBalancerSourceRanges: cidrs,
    loadBalancerClass: someText,
    allocateLoadBalancerNodePorts: flag,
    sessionAffinity: oneOf('None', 'ClientIP'),
    sessionAffinityConfig: object<Required<ServiceSpec>['sessionAffinityConfig']>([], {
      clientIP: object<{ readonly timeoutSeconds?: number }>([], { timeoutSeconds: whole(1, 86_400) }),
    }),
    publishNotReadyAddresses: flag,
    externalTrafficPolicy: oneOf('Cluster', 'Local'),
    internalTrafficPolicy: oneOf('Cluster', 'Local'),
    trafficDistribution: someText,
    ipFamilies: list(oneOf('IPv4', 'IPv6'), { max: 2 }),
    ipFamilyPolicy: someText,
    healthCheckNodePort: whole(0, 65_535),
  },
  checkService,
);

function checkService(spec: ServiceSpec, at: At): void {
  const { type = 'ClusterIP', clusterIP, ports = [], externalName } = spec;
  if (type === 'ExternalName') {
    if (externalName === undefined || externalName === '') {
      at.in('externalName').error(
        'missing-field',
        'is missing: a Service of type ExternalName stands for that name',
      );
    }
    if (clusterIP !== undefined && clusterIP !== '' && clusterIP !== 'None') {
      at.in('clusterIP').error(
        'contradiction',
        'must not be there with type ExternalName, which has no address',
      );
    }
    return;
  }
  if (externalName !== undefined && externalName !== '') {
    at.in('externalName').warn('without-effect', 'has no effect without type: ExternalName');
  }
  if (ports.length === 0 && clusterIP !== 'None') {
    at.in('ports').error(
      'missing-field',
      'is missing: only headless Services (clusterIP: None) have no ports',
    );
  }
  if (clusterIP === 'None' && type !== 'ClusterIP') {
    at.in('clusterIP').error('contradiction', `must not be None with type ${type}`);
  }
  if (type === 'ClusterIP' && ports.some(({ nodePort = 0 }) => nodePort !== 0)) {
    at.in('ports').error(
      'contradiction',
      'must not have a nodePort with type ClusterIP',
      'write type: NodePort',
    );
  }
}

export const service = manifest<Service>(['spec'], { spec: serviceSpec }, { isService: true });

const objectReference = object<ObjectReference>(
  [],
  { kind: anyText, namespace: anyText, name: anyText, uid: anyText },
  undefined,
  new Set(['apiVersion', 'resourceVersion', 'fieldPath']),
);

const endpointPort = object<EndpointPort>([], {
  name: text({ max: 63 }),
  port,
  protocol,
  appProtocol: someText,
});

const endpointAddress = object<EndpointAddress>(['ip'], {
  ip: ipAddress,
  hostname: dnsLabel,
  nodeName: someText,
  targetRef: objectReference,
});

/** Of one Service. More than Kubernetes keeps in one object. */
const maxAddresses = 10_000;

const subset = object<EndpointSubset>([], {
  addresses: list(endpointAddress, { max: maxAddresses }),
  notReadyAddresses: list(endpointAddress, { max: maxAddresses }),
  ports: list(endpointPort, {
    max: 100,
    check(ports, at) {
      for (const [index, one] of ports.entries()) {
        if (one.port === undefined) at.in(index, 'port').error('missing-field', 'is missing');
      }
    },
  }),
});

export const endpoints = manifest<Endpoints>([], { subsets: list(subset, { max: 1000 }) });

const sliceEndpoint = object<SliceEndpoint>(
  ['addresses'],
  {
    addresses: list(someText, { min: 1, max: 100 }),
    conditions: object<Required<SliceEndpoint>['conditions']>([], {
      ready: flag,
      serving: flag,
      terminating: flag,
    }),
    hostname: dnsLabel,
    nodeName: someText,
    zone: someText,
    targetRef: objectReference,
    hints: object<Required<SliceEndpoint>['hints']>([], {
      forZones: list(object<{ readonly name: string }>(['name'], { name: someText }), { max: 8 }),
      forNodes: list(object<{ readonly name: string }>(['name'], { name: someText }), { max: 8 }),
    }),
  },
  undefined,
  new Set(['deprecatedTopology']),
);

const familyName = { 4: 'IPv4', 6: 'IPv6' } as const;

export const endpointSlice = manifest<EndpointSlice>(
  ['addressType'],
  {
    addressType: oneOf('IPv4', 'IPv6', 'FQDN'),
    endpoints: list(sliceEndpoint, { max: 1000 }),
    ports: list(endpointPort, { max: 100 }),
  },
  {
    check({ metadata, addressType, endpoints: found = [] }, at) {
      if (metadata.labels?.['kubernetes.io/service-name'] === undefined) {
        at.in('metadata', 'labels').warn(
          'without-effect',
          'has no kubernetes.io/service-name: the slice belongs to no Service',
        );
      }
      for (const [index, { addresses }] of found.entries()) {
        for (const [which, address] of addresses.entries()) {
          const family = address.includes(':') ? 6 : 4;
          const right =
            addressType === 'FQDN'
              ? !isIpAddress(address)
              : isIpAddress(address) && familyName[family] === addressType;
          if (!right) {
            const place = at.in('endpoints', index, 'addresses', which);
            place.error('bad-address', `must be an address of type ${addressType}, not ${shown(address)}`);
          }
        }
      }
    },
  },
);

const dataKey = (key: string, at: At): void => {
  if (key.length > 253 || !/^[-._a-zA-Z0-9]+$/.test(key)) {
    at.error('bad-name', `must be letters, digits, "-", "_" and ".", not ${shown(key)}`);
  }
};

const dataText = text({ max: 1_000_000 });
export const secretData = mapOf(hidden(base64), dataKey);
export const secretText = mapOf(hidden(dataText), dataKey);
const plainData = mapOf(dataText, dataKey);

export const configMap = manifest<ConfigMap>([], {
  data: plainData,
  binaryData: mapOf(base64, dataKey),
  immutable: flag,
});

export const ingressClass = manifest<IngressClass>([], {
  spec: object<Required<IngressClass>['spec']>([], {
    controller: someText,
    parameters: object<NonNullable<Required<IngressClass>['spec']['parameters']>>(['kind', 'name'], {
      apiGroup: anyText,
      kind: someText,
      name: objectName,
      namespace: dnsLabel,
      scope: someText,
    }),
  }),
});
