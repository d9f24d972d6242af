import type { PathPart } from './problem.ts';
import { isObject } from './schema.ts';

/** An old shape brought into the newest, and where what was moved is written. */
export interface Converted {
  readonly value: Readonly<Record<string, unknown>>;
  /** The path as written, of a path in `value`. */
  readonly writtenPath: (path: readonly PathPart[]) => readonly PathPart[];
}

type Plain = Readonly<Record<string, unknown>>;

/**
 * A manifest of an older `apiVersion` in the shape of `newest`. What is not as its old schema has it stays where it is: the new schema
 * says what is wrong with it.
 */
export function convert(value: Plain, kind: string, newest: string): Converted {
  const moved: { readonly from: readonly PathPart[]; readonly to: readonly PathPart[] }[] = [];
  const move = (from: readonly PathPart[], to: readonly PathPart[]): void => void moved.push({ from, to });
  const versioned = { ...value, apiVersion: newest };
  const shape = shapes.get(`${newest} ${kind}`);
  return {
    value: shape === undefined ? versioned : shape(versioned, move),
    writtenPath(path) {
      // The deepest move that has the path in it.
      const found = moved
        .filter(({ to }) => to.every((part, index) => path[index] === part))
        .sort((left, right) => right.to.length - left.to.length)[0];
      return found === undefined ? path : [...found.from, ...path.slice(found.to.length)];
    },
  };
}

type Move = (from: readonly PathPart[], to: readonly PathPart[]) => void;

const shapes: ReadonlyMap<string, (value: Plain, move: Move) => Plain> = new Map([
  ['networking.k8s.io/v1 Ingress', ingress],
  ['discovery.k8s.io/v1 EndpointSlice', endpointSlice],
]);

function ingress(value: Plain, move: Move): Plain {
  if (!isObject(value.spec)) return value;
  const { backend: old, rules, ...spec } = value.spec;
  const made: Record<string, unknown> = { ...spec };
  if (old !== undefined) {
    move(['spec', 'backend'], ['spec', 'defaultBackend']);
    made.defaultBackend = backend(old, ['spec', 'backend'], ['spec', 'defaultBackend'], move);
  }
  if (rules !== undefined)
    made.rules = Array.isArray(rules) ? rules.map((one, index) => rule(one, index, move)) : rules;
  return { ...value, spec: made };
}

function rule(value: unknown, index: number, move: Move): unknown {
  if (!isObject(value) || !isObject(value.http) || !Array.isArray(value.http.paths)) return value;
  const paths = value.http.paths.map((path: unknown, which) => {
    if (!isObject(path)) return path;
    const at = ['spec', 'rules', index, 'http', 'paths', which, 'backend'];
    return {
      pathType: 'ImplementationSpecific',
      ...path,
      ...(path.backend === undefined ? {} : { backend: backend(path.backend, at, at, move) }),
    };
  });
  return { ...value, http: { ...value.http, paths } };
}

function backend(value: unknown, from: readonly PathPart[], to: readonly PathPart[], move: Move): unknown {
  if (!isObject(value) || (value.serviceName === undefined && value.servicePort === undefined)) return value;
  const { serviceName, servicePort, ...rest } = value;
  const service: Record<string, unknown> = {};
  if (serviceName !== undefined) {
    service.name = serviceName;
    move([...from, 'serviceName'], [...to, 'service', 'name']);
  }
  if (servicePort !== undefined) {
    // `80` and `"80"` both are the number there.
    const number =
      typeof servicePort === 'string' && /^\d{1,5}$/.test(servicePort) ? Number(servicePort) : servicePort;
    const field = typeof number === 'string' ? 'name' : 'number';
    service.port = { [field]: number };
    move([...from, 'servicePort'], [...to, 'service', 'port', field]);
  }
  return { ...rest, service };
}

function endpointSlice(value: Plain, move: Move): Plain {
  if (!Array.isArray(value.endpoints)) return value;
  const endpoints = value.endpoints.map((one: unknown, index) => {
    if (!isObject(one) || !isObject(one.topology)) return one;
    const { topology, ...rest } = one;
    const made: Record<string, unknown> = { ...rest };
    for (const [field, label] of topologyLabels) {
      if (topology[label] === undefined || made[field] !== undefined) continue;
      made[field] = topology[label];
      move(['endpoints', index, 'topology', label], ['endpoints', index, field]);
    }
    return made;
  });
  return { ...value, endpoints };
}

const topologyLabels = [
  ['zone', 'topology.kubernetes.io/zone'],
  ['nodeName', 'kubernetes.io/hostname'],
] as const;
