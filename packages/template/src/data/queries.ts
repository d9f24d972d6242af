import {
  catalogNode,
  catalogNodes,
  catalogServices,
  healthServices,
  keyPairs,
  keyValue,
  stringList,
} from './consul-shapes.ts';
import { parseKeyQuery, parseNodeQuery, parseServiceQuery, type QueryParts } from './parse-query.ts';
import type { Query } from './query.ts';

/** Every query that a template's functions make. They throw an `Error` for a query string of another form. */

export function serviceQuery(source: string, kind: 'service' | 'connect' = 'service'): Query {
  const parts = parseServiceQuery(source);
  const filters = parts.filters.length === 0 ? ['passing'] : parts.filters;
  // What the server can leave out need not cross the wire.
  const onlyPassing = filters.length === 1 && filters[0] === 'passing';
  const extra = [
    ...(parts.tag === '' ? [] : [['tag', parts.tag] as const]),
    ...(onlyPassing ? [['passing', '1'] as const] : []),
  ];
  return {
    key: `health.${kind}(${source})`,
    path: `/v1/health/${kind}/${encodeURIComponent(parts.name)}${parameters(parts, extra)}`,
    blocks: true,
    decode: (body) => healthServices(body, filters, parts.near !== ''),
  };
}

export function servicesQuery(source: string): Query {
  const parts = parseNodeQuery('catalog.services', source);
  if (parts.name !== '' || parts.near !== '')
    throw new Error(`catalog.services: invalid format: ${JSON.stringify(source)}`);
  return {
    key: `catalog.services(${source})`,
    path: `/v1/catalog/services${parameters(parts)}`,
    blocks: true,
    decode: catalogServices,
  };
}

export function nodesQuery(source: string): Query {
  const parts = parseNodeQuery('catalog.nodes', source);
  return {
    key: `catalog.nodes(${source})`,
    path: `/v1/catalog/nodes${parameters(parts)}`,
    blocks: true,
    decode: (body) => catalogNodes(body, parts.near !== ''),
  };
}

export function nodeQuery(source: string): Query {
  const parts = parseNodeQuery('catalog.node', source);
  return {
    key: `catalog.node(${source})`,
    path: `/v1/catalog/node/${encodeURIComponent(parts.name)}${parameters(parts)}`,
    blocks: true,
    decode: catalogNode,
  };
}

/** The name of the node that answers, for `node` without a name. */
export function selfQuery(): Query {
  return {
    key: 'agent.self',
    path: '/v1/agent/self',
    blocks: false,
    decode: (body) => {
      const config = (body as { readonly Config?: { readonly NodeName?: unknown } } | undefined)?.Config;
      return typeof config?.NodeName === 'string' ? config.NodeName : undefined;
    },
  };
}

/** A key that is not there holds the rendering up. */
export function keyQuery(source: string): Query {
  return { ...kvQuery('kv.block', source), decode: keyValue };
}

/** The value, or nil for a key that is not there. */
export function optionalKeyQuery(source: string): Query {
  return { ...kvQuery('kv.get', source), decode: (body) => keyValue(body) ?? null };
}

function kvQuery(what: string, source: string): Omit<Query, 'decode'> {
  const parts = parseKeyQuery(what, source);
  return {
    key: `${what}(${source})`,
    path: `/v1/kv/${keyPath(parts.name)}${parameters(parts)}`,
    blocks: true,
  };
}

export function listQuery(source: string, direct: boolean): Query {
  const parts = parseKeyQuery('kv.list', source);
  const prefix = parts.name;
  return {
    key: `kv.list(${source})${direct ? ' direct' : ''}`,
    path: `/v1/kv/${keyPath(prefix)}${parameters(parts, [['recurse', '']])}`,
    blocks: true,
    decode: (body) => keyPairs(body, prefix, direct),
  };
}

/** As `listQuery`, but an empty folder holds the rendering up: it may be one that somebody deletes just now. */
export function safeListQuery(source: string, direct: boolean): Query {
  const query = listQuery(source, direct);
  return {
    ...query,
    key: `${query.key} safe`,
    decode(body) {
      const pairs = query.decode(body);
      return Array.isArray(pairs) && pairs.length === 0 ? undefined : pairs;
    },
  };
}

export function datacentersQuery(): Query {
  return { key: 'catalog.datacenters', path: '/v1/catalog/datacenters', blocks: false, decode: stringList };
}

function keyPath(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

function parameters(parts: QueryParts, extra: readonly (readonly [string, string])[] = []): string {
  const search = new URLSearchParams(parts.options);
  if (parts.datacenter !== '') search.set('dc', parts.datacenter);
  if (parts.near !== '') search.set('near', parts.near);
  for (const [name, value] of extra) search.append(name, value);
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
