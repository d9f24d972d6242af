import { compareText, GoMap, Struct, type Value } from '../language/values.ts';

/** Consul's JSON as the structs that consul-template hands to templates, with its field names. */

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function int(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function strings(value: unknown): GoMap {
  return new GoMap(new Map(Object.entries(object(value)).map(([key, item]) => [key, text(item)])), '');
}

/** Consul-template sorts and de-duplicates tags. */
function tags(value: unknown): readonly string[] {
  return [...new Set(array(value).map(text))].sort(compareText);
}

function struct(typeName: string, fields: Readonly<Record<string, Value>>): Struct {
  return new Struct(typeName, new Map(Object.entries(fields)));
}

const severity = ['passing', 'warning', 'critical', 'maintenance'];

/** The worst of the checks; a maintenance check outranks all. */
function aggregatedStatus(checks: readonly Json[]): string {
  const ranks = checks.map((check) => {
    const id = text(check.CheckID);
    const maintenance = id === '_node_maintenance' || id.startsWith('_service_maintenance:');
    return maintenance ? 3 : Math.max(0, severity.indexOf(text(check.Status)));
  });
  return severity[Math.max(0, ...ranks)] ?? 'passing';
}

/** `/v1/health/service/:name` → HealthService list; `filters` are statuses, `any` for all. */
export function healthServices(
  body: unknown,
  filters: readonly string[],
  keepOrder: boolean,
): readonly Struct[] {
  const services = array(body)
    .map(object)
    .flatMap((entry) => {
      const service = healthService(entry);
      const status = String(service.fields.get('Status'));
      return filters.includes('any') || filters.includes(status) ? [service] : [];
    });
  return keepOrder ? services : services.toSorted(byNodeThenId);
}

function byNodeThenId(left: Struct, right: Struct): number {
  const part = (service: Struct, name: string): string => String(service.fields.get(name));
  return (
    compareText(part(left, 'Node'), part(right, 'Node')) || compareText(part(left, 'ID'), part(right, 'ID'))
  );
}

function healthService(entry: Json): Struct {
  const node = object(entry.Node);
  const service = object(entry.Service);
  const checks = array(entry.Checks).map(object);
  const weights = object(service.Weights);
  return struct('*dependency.HealthService', {
    Node: text(node.Node),
    NodeID: text(node.ID),
    NodeAddress: text(node.Address),
    NodeDatacenter: text(node.Datacenter),
    NodeTaggedAddresses: strings(node.TaggedAddresses),
    NodeMeta: strings(node.Meta),
    ServiceMeta: strings(service.Meta),
    Address: text(service.Address) === '' ? text(node.Address) : text(service.Address),
    ServiceTaggedAddresses: taggedAddresses(service.TaggedAddresses),
    ID: text(service.ID),
    Name: text(service.Service),
    Tags: tags(service.Tags),
    Checks: checks.map(healthCheck),
    Status: aggregatedStatus(checks),
    Port: int(service.Port),
    Weights: struct('api.AgentWeights', { Passing: int(weights.Passing), Warning: int(weights.Warning) }),
    Namespace: text(service.Namespace),
  });
}

function taggedAddresses(value: unknown): GoMap {
  const entries = Object.entries(object(value)).map(([name, address]) => {
    const { Address, Port } = object(address);
    return [name, struct('api.ServiceAddress', { Address: text(Address), Port: int(Port) })] as const;
  });
  return new GoMap(new Map<string, Value>(entries));
}

function healthCheck(check: Json): Struct {
  return struct('*api.HealthCheck', {
    Node: text(check.Node),
    CheckID: text(check.CheckID),
    Name: text(check.Name),
    Status: text(check.Status),
    Notes: text(check.Notes),
    Output: text(check.Output),
    ServiceID: text(check.ServiceID),
    ServiceName: text(check.ServiceName),
    ServiceTags: tags(check.ServiceTags),
    Type: text(check.Type),
    Namespace: text(check.Namespace),
  });
}

/** `/v1/catalog/services` → CatalogSnippet list, by name. */
export function catalogServices(body: unknown): readonly Struct[] {
  return Object.entries(object(body))
    .map(([name, list]) => struct('*dependency.CatalogSnippet', { Name: name, Tags: tags(list) }))
    .toSorted((left, right) =>
      compareText(String(left.fields.get('Name')), String(right.fields.get('Name'))),
    );
}

/** `/v1/catalog/nodes` → Node list, by name unless the server ordered it. */
export function catalogNodes(body: unknown, keepOrder: boolean): readonly Struct[] {
  const nodes = array(body).map((node) => nodeStruct(object(node)));
  const name = (node: Struct): string => String(node.fields.get('Node'));
  return keepOrder ? nodes : nodes.toSorted((left, right) => compareText(name(left), name(right)));
}

function nodeStruct(node: Json): Struct {
  return struct('*dependency.Node', {
    ID: text(node.ID),
    Node: text(node.Node),
    Address: text(node.Address),
    Datacenter: text(node.Datacenter),
    TaggedAddresses: strings(node.TaggedAddresses),
    Meta: strings(node.Meta),
  });
}

/** `/v1/catalog/node/:name` → CatalogNode; null for an unknown node. */
export function catalogNode(body: unknown): Struct | null {
  const { Node, Services } = object(body);
  if (typeof Node !== 'object' || Node === null) return null;
  const services = Object.values(object(Services)).map((value) => {
    const service = object(value);
    return struct('*dependency.CatalogNodeService', {
      ID: text(service.ID),
      Service: text(service.Service),
      Tags: tags(service.Tags),
      Meta: strings(service.Meta),
      Port: int(service.Port),
      Address: text(service.Address),
      EnableTagOverride: service.EnableTagOverride === true,
    });
  });
  const part = (service: Struct, name: string): string => String(service.fields.get(name));
  const sorted = services.toSorted(
    (left, right) =>
      compareText(part(left, 'Service'), part(right, 'Service')) ||
      compareText(part(left, 'ID'), part(right, 'ID')),
  );
  return struct('*dependency.CatalogNode', { Node: nodeStruct(object(Node)), Services: sorted });
}

/** One key's value; undefined: there is no such key. */
export function keyValue(body: unknown): string | undefined {
  const [pair] = array(body);
  return pair === undefined ? undefined : decoded(object(pair));
}

function decoded(pair: Json): string {
  return Buffer.from(text(pair.Value), 'base64').toString('utf8');
}

/** `?recurse` below `prefix` → KeyPair list with keys relative to it; `direct` leaves out what lies deeper. */
export function keyPairs(body: unknown, prefix: string, direct: boolean): readonly Struct[] {
  const pairs = array(body)
    .map(object)
    .flatMap((pair) => {
      const path = text(pair.Key);
      const key = path.slice(prefix.length).replace(/^\/+/, '');
      const inFolder = prefix === '' || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
      const wanted = key !== '' && !key.endsWith('/') && inFolder && !(direct && key.includes('/'));
      return wanted ? [keyPair(pair, path, key)] : [];
    });
  return pairs.toSorted((left, right) =>
    compareText(String(left.fields.get('Path')), String(right.fields.get('Path'))),
  );
}

function keyPair(pair: Json, path: string, key: string): Struct {
  return struct('*dependency.KeyPair', {
    Path: path,
    Key: key,
    Value: decoded(pair),
    Exists: true,
    CreateIndex: int(pair.CreateIndex),
    ModifyIndex: int(pair.ModifyIndex),
    LockIndex: int(pair.LockIndex),
    Flags: int(pair.Flags),
    Session: text(pair.Session),
  });
}

export function stringList(body: unknown): readonly string[] {
  return array(body).map(text).toSorted(compareText);
}
