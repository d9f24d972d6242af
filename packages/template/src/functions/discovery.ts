import {
  datacentersQuery,
  keyQuery,
  listQuery,
  nodeQuery,
  nodesQuery,
  optionalKeyQuery,
  safeListQuery,
  selfQuery,
  serviceQuery,
  servicesQuery,
} from '../data/queries.ts';
import type { DataReader, Query } from '../data/query.ts';
import type { TemplateFunction } from '../language/builtins.ts';
import type { Value } from '../language/values.ts';
import { count, text } from './arguments.ts';

/** consul-template's functions that look into the registry. What did not come yet is empty, and holds the file up. */
export function discoveryFunctions(data: DataReader): readonly (readonly [string, TemplateFunction])[] {
  const listOf = (query: (source: string) => Query): TemplateFunction => {
    return (...args) => recallList(data, query, sourceOf(args));
  };
  const pathOf = (query: (source: string) => Query): TemplateFunction => {
    return (...args) => recallList(data, query, oneText(args));
  };
  return [
    ['service', listOf((source) => serviceQuery(source))],
    ['connect', listOf((source) => serviceQuery(source, 'connect'))],
    ['services', (...args) => data.recall(servicesQuery(args.map(text).join(''))) ?? []],
    ['nodes', (...args) => data.recall(nodesQuery(args.map(text).join(''))) ?? []],
    ['node', (...args) => node(data, args)],
    ['datacenters', () => data.recall(datacentersQuery()) ?? []],
    ['key', (...args) => (oneText(args) === '' ? '' : (data.recall(keyQuery(oneText(args))) ?? ''))],
    ['keyExists', (...args) => keyExists(data, oneText(args))],
    ['keyOrDefault', (...args) => keyOrDefault(data, args)],
    ['ls', pathOf((source) => listQuery(source, true))],
    ['safeLs', pathOf((source) => safeListQuery(source, true))],
    ['tree', pathOf((source) => listQuery(source, false))],
    ['safeTree', pathOf((source) => safeListQuery(source, false))],
    ...notConfigured,
  ];
}

/** Nothing is asked for an empty name. */
function recallList(data: DataReader, query: (source: string) => Query, source: string): Value {
  return source === '' ? [] : (data.recall(query(source)) ?? []);
}

/** A name may come in pieces: `service "web" "any"` is `web|any`. */
function sourceOf(args: readonly Value[]): string {
  const [name = '', ...filters] = args.map(text);
  return name === '' ? '' : [name, ...filters].join('|');
}

function keyExists(data: DataReader, source: string): boolean {
  return source !== '' && (data.recall(optionalKeyQuery(source)) ?? null) !== null;
}

function oneText(args: readonly Value[]): string {
  count(args, 1);
  return text(args[0]);
}

function node(data: DataReader, args: readonly Value[]): Value {
  count(args, 0, 1);
  const source = args.length === 0 ? '' : text(args[0]);
  if (source !== '' && !source.startsWith('@')) return data.recall(nodeQuery(source)) ?? null;
  const self = data.recall(selfQuery());
  return typeof self === 'string' ? (data.recall(nodeQuery(`${self}${source}`)) ?? null) : null;
}

function keyOrDefault(data: DataReader, args: readonly Value[]): Value {
  count(args, 2);
  const source = text(args[0]);
  if (source === '') return text(args[1]);
  const value = data.recall(optionalKeyQuery(source));
  // An empty value counts as none, as in consul-template.
  return value === undefined || value === null || value === '' ? text(args[1]) : value;
}

const notConfigured: readonly (readonly [string, TemplateFunction])[] = [
  ...['secret', 'secrets', 'pkiCert'].map((name) =>
    refusal(name, 'vault is not configured: Portolan has no secret store to ask'),
  ),
  ...['nomadService', 'nomadServices', 'nomadVar', 'nomadVarList', 'nomadVarListSafe', 'nomadVarExists'].map(
    (name) => refusal(name, 'nomad is not configured'),
  ),
  ...['caRoots', 'caLeaf'].map((name) => refusal(name, 'Connect is not enabled')),
  ...['partitions', 'peerings', 'exportedServices', 'importedServices'].map((name) =>
    refusal(name, 'a Consul Enterprise feature'),
  ),
];

function refusal(name: string, why: string): readonly [string, TemplateFunction] {
  return [
    name,
    () => {
      throw new Error(`${name}: ${why}`);
    },
  ];
}
