// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so templates of queries are written
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/fault.ts';
import { labelsFrom } from '../base/labels.ts';
import { createCatalog } from './catalog.ts';
import { PreparedQueries, type PreparedQuery, preparedQueryRecord } from './prepared-query.ts';
import { runPreparedQuery } from './prepared-query-run.ts';
import { type CompileGroups, checkPreparedQuery, renderPreparedQuery } from './prepared-query-template.ts';
import type { CatalogRecord, Health } from './records.ts';

const origin = { dialect: 'test', source: 'test', node: 'here' } as const;
const compile: CompileGroups = (pattern) => (text) =>
  new RegExp(pattern).exec(text)?.map((part) => part ?? '');

function query(
  id: string,
  name: string,
  service: Partial<PreparedQuery['service']> = {},
  rest: Partial<PreparedQuery> = {},
): PreparedQuery {
  return {
    id,
    name,
    session: '',
    token: '',
    service: {
      service: 'web',
      onlyPassing: false,
      ignoreCheckIds: [],
      near: '',
      tags: [],
      nodeMeta: labelsFrom({}),
      serviceMeta: labelsFrom({}),
      connect: false,
      failover: null,
      ...service,
    },
    ...rest,
  };
}

const template = (regexp = '', removeEmptyTags = false) => ({ template: { regexp, removeEmptyTags } });

function catalogOf(records: readonly CatalogRecord[]) {
  const catalog = createCatalog();
  const writes = records.map((record) => ({ op: 'put', record }) as const);
  if (writes.length > 0) catalog.apply({ revision: 1, writes });
  return catalog;
}

function queriesOf(...queries: PreparedQuery[]): PreparedQueries {
  return new PreparedQueries(catalogOf(queries.map((each) => preparedQueryRecord(each, origin))).rules());
}

test('a query is found by id, then by name, then by the longest template, whatever the case', () => {
  const queries = queriesOf(
    query('id-1', 'Geo-web'),
    query('id-2', 'geo-', {}, template()),
    query('id-3', 'geo-db-', {}, template()),
    query('id-4', '', {}, template()),
  );
  const idOf = (name: string) => queries.find(name)?.query.id;
  assert.equal(idOf('id-1'), 'id-1');
  assert.equal(idOf('GEO-WEB'), 'id-1');
  assert.equal(idOf('geo-cache'), 'id-2');
  assert.equal(idOf('geo-db-x'), 'id-3');
  assert.equal(idOf('other'), 'id-4');
  assert.equal(queriesOf(query('id-1', 'a')).find('b'), undefined);
  assert.equal(queriesOf(query('id-1', '')).find(''), undefined);
  assert.equal(idOf('x'.repeat(256)), undefined);
});

test('names are taken once, templates and others apart', () => {
  const queries = queriesOf(query('id-1', 'web'), query('id-2', 'web', {}, template()));
  assert.equal(queries.rivalOf(query('id-3', 'WEB'))?.id, 'id-1');
  assert.equal(queries.rivalOf(query('id-1', 'web')), undefined);
  assert.equal(queries.rivalOf(query('id-3', 'web', {}, template()))?.id, 'id-2');
  assert.equal(queries.rivalOf(query('id-3', 'id-2'))?.id, 'id-2');
  assert.equal(queries.rivalOf(query('id-3', '')), undefined);
});

test('a template puts in the name, its parts and the groups of its expression', () => {
  const found = query(
    'id-1',
    'geo-',
    {
      service: '${name.suffix}',
      tags: ['${match(2)}', '!${match(3)}', '$${name.full}', '${agent.segment}'],
      near: '${name.prefix}x',
      nodeMeta: labelsFrom({ full: '${name.full}' }),
      failover: { Datacenters: ['${match(1)}'] },
    },
    template('^geo-(.*?)-([^-]+?)$'),
  );
  const { service } = renderPreparedQuery({ query: found, name: 'geo-db-eu' }, compile);
  assert.equal(service.service, 'db-eu');
  assert.deepEqual(service.tags, ['eu', '!', '${name.full}', '']);
  assert.equal(service.near, 'geo-x');
  assert.deepEqual({ ...service.nodeMeta }, { full: 'geo-db-eu' });
  assert.deepEqual(service.failover, { Datacenters: ['db'] });
  const bare = renderPreparedQuery({ query: found, name: 'geo-db' }, compile);
  assert.deepEqual(bare.service.tags, ['', '!', '${name.full}', '']);
  const removing = { ...found, ...template('^geo-(.*?)-([^-]+?)$', true) };
  assert.deepEqual(renderPreparedQuery({ query: removing, name: 'geo-db' }, compile).service.tags, [
    '${name.full}',
  ]);
});

test('a template with an unknown reference is refused, another text is not looked at', () => {
  const wrong = query('id-1', 'geo', { service: '${name.middle}' }, template());
  assert.throws(() => checkPreparedQuery(wrong, compile), Fault);
  const plain = query('id-1', 'geo', { service: '${name.middle}' });
  assert.equal(renderPreparedQuery({ query: plain, name: 'geo' }, compile), plain);
});

function node(name: string, metadata: Record<string, string> = {}): CatalogRecord {
  const rest = { id: '', address: '10.0.0.1', datacenter: 'dc1', adminReason: '', origin };
  const labels = { taggedAddresses: labelsFrom({}), metadata: labelsFrom(metadata) };
  return { kind: 'node', name, adminState: 'in-service', ...rest, ...labels };
}

function instance(
  id: string,
  options: { node?: string; tags?: string[]; meta?: Record<string, string>; out?: boolean } = {},
): CatalogRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service: 'web',
    node: options.node ?? 'n1',
    id,
    address: '',
    port: 80,
    tags: options.tags ?? [],
    metadata: labelsFrom(options.meta ?? {}),
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: options.out === true ? 'out-of-service' : 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
  };
}

function check(id: string, of: string | undefined, status: Health): CatalogRecord {
  const owner = of === undefined ? {} : { instance: { namespace: 'default', service: 'web', id: of } };
  return { kind: 'check', node: 'n1', id, name: id, status, output: '', notes: '', ...owner, origin };
}

test('a run gives what has the tags and metadata, is in service and healthy', () => {
  const catalog = catalogOf([
    node('n1', { rack: '1' }),
    node('n2'),
    instance('plain'),
    instance('tagged', { tags: ['Primary', 'v2'], meta: { env: 'prod' } }),
    instance('out', { out: true }),
    instance('warning'),
    check('warning-up', 'warning', 'warning'),
    instance('critical'),
    check('critical-up', 'critical', 'critical'),
    instance('elsewhere', { node: 'n2' }),
  ]);
  const ids = (service: Partial<PreparedQuery['service']>) =>
    runPreparedQuery(catalog, query('id', '', service)).map((entry) => entry.record.id);
  assert.deepEqual(ids({}), ['plain', 'tagged', 'warning', 'elsewhere']);
  assert.deepEqual(ids({ onlyPassing: true }), ['plain', 'tagged', 'elsewhere']);
  assert.deepEqual(ids({ ignoreCheckIds: ['critical-up'] }), [
    'critical',
    'plain',
    'tagged',
    'warning',
    'elsewhere',
  ]);
  assert.deepEqual(ids({ tags: ['primary'] }), ['tagged']);
  assert.deepEqual(ids({ tags: ['primary', '!V2'] }), []);
  assert.deepEqual(ids({ tags: ['!v2'] }), ['plain', 'warning', 'elsewhere']);
  assert.deepEqual(ids({ nodeMeta: labelsFrom({ rack: '1' }), onlyPassing: true }), ['plain', 'tagged']);
  assert.deepEqual(ids({ serviceMeta: labelsFrom({ env: 'prod' }) }), ['tagged']);
  assert.deepEqual(ids({ service: 'WEB', tags: ['v2'] }), ['tagged']);
  assert.deepEqual(ids({ service: 'none' }), []);
});
