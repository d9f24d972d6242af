import { Fault } from '@portolan/core/base/fault.ts';
import type { Json } from '@portolan/core/base/json.ts';
import { preparedQueryOf, preparedQueryRecord } from '@portolan/core/catalog/prepared-query.ts';
import type {
  AddressPort,
  AdminState,
  CatalogRecord,
  CheckDefinition,
  CheckRecord,
  DialectFields,
  Health,
  InstanceRecord,
  Origin,
  Probe,
  RuleRecord,
  RuleVersionRecord,
} from '@portolan/core/catalog/records.ts';
import { Fields } from './fields.ts';
import { readProbe } from './translate-check.ts';
import { readPreparedQuery, wirePreparedQuery } from './translate-prepared-query.ts';
import { checkedAddress } from './translate-service.ts';

/**
 * A record from a snapshot: every field is looked at, as a snapshot comes over the network. Values that only the catalog judges (states,
 * sizes, names) are judged when it is written. Throws `invalid` with the path of the field.
 */
export function readRecord(raw: unknown): CatalogRecord {
  const fields = new Fields(raw);
  const kind = fields.string('kind');
  switch (kind) {
    case 'node':
      return {
        kind,
        name: fields.string('name'),
        id: fields.string('id'),
        address: addressOf(fields),
        datacenter: fields.string('datacenter'),
        taggedAddresses: fields.labels('taggedAddresses'),
        metadata: fields.labels('metadata'),
        adminState: fields.string('adminState') as AdminState,
        adminReason: fields.string('adminReason'),
        origin: readOrigin(fields),
        ...readExtra(fields),
      };
    case 'instance':
      return readInstance(fields);
    case 'service':
      return {
        kind,
        namespace: fields.string('namespace'),
        name: fields.string('name'),
        metadata: fields.labels('metadata'),
        origin: readOrigin(fields),
      };
    case 'check':
      return readCheck(fields);
    case 'lease':
      return readLease(fields);
    case 'kv':
      return {
        kind,
        key: fields.string('key'),
        value: Buffer.from(fields.string('value'), 'base64').toString('base64'),
        flags: fields.string('flags'),
        lockIndex: fields.integer('lockIndex'),
        ...(fields.has('session') ? { session: fields.string('session') } : {}),
      };
    case 'rule':
      return readRule(fields);
    case 'rule-version':
      return readRuleVersion(fields);
    default:
      throw new Fault('invalid', `The snapshot holds a record of unknown kind ${JSON.stringify(kind)}`);
  }
}

function addressOf(fields: Fields): string {
  return checkedAddress(fields.string('address'), fields.pathOf('address'));
}

function readOrigin(fields: Fields): Origin {
  const origin = inner(fields, 'origin');
  return { dialect: origin.string('dialect'), source: origin.string('source'), node: origin.string('node') };
}

function readExtra(fields: Fields): { readonly extra?: DialectFields } {
  if (!fields.has('extra')) return {};
  const extra: Record<string, Json> = Object.create(null);
  for (const [name, value] of fields.entries('extra')) extra[name] = value as Json;
  return { extra };
}

function readInstance(fields: Fields): InstanceRecord {
  const weights = inner(fields, 'weights');
  const taggedAddresses: Record<string, AddressPort> = Object.create(null);
  for (const [tag, value] of fields.entries('taggedAddresses')) {
    const tagged = new Fields(value, `taggedAddresses.${tag}`);
    taggedAddresses[tag] = { address: addressOf(tagged), port: tagged.integer('port') };
  }
  return {
    kind: 'instance',
    namespace: fields.string('namespace'),
    service: fields.string('service'),
    node: fields.string('node'),
    id: fields.string('id'),
    address: addressOf(fields),
    port: fields.integer('port'),
    tags: fields.strings('tags'),
    metadata: fields.labels('metadata'),
    taggedAddresses,
    weights: { passing: weights.integer('passing'), warning: weights.integer('warning') },
    adminState: fields.string('adminState') as AdminState,
    adminReason: fields.string('adminReason'),
    enableTagOverride: fields.boolean('enableTagOverride'),
    ...(fields.has('lease') ? { lease: fields.string('lease') } : {}),
    origin: readOrigin(fields),
    ...readExtra(fields),
  };
}

function readCheck(fields: Fields): CheckRecord {
  const instance = fields.object('instance');
  const definition = fields.object('definition');
  return {
    kind: 'check',
    node: fields.string('node'),
    id: fields.string('id'),
    name: fields.string('name'),
    status: fields.string('status') as Health,
    output: fields.string('output'),
    notes: fields.string('notes'),
    ...(instance === undefined
      ? {}
      : {
          instance: {
            namespace: instance.string('namespace'),
            service: instance.string('service'),
            id: instance.string('id'),
          },
        }),
    ...(definition === undefined ? {} : { definition: readDefinition(definition) }),
    origin: readOrigin(fields),
    ...readExtra(fields),
  };
}

function readDefinition(fields: Fields): CheckDefinition {
  return {
    probe: probeOf(inner(fields, 'probe')),
    intervalMs: milliseconds(fields, 'intervalMs'),
    timeoutMs: milliseconds(fields, 'timeoutMs'),
    successBeforePassing: fields.integer('successBeforePassing'),
    failuresBeforeWarning: fields.integer('failuresBeforeWarning'),
    failuresBeforeCritical: fields.integer('failuresBeforeCritical'),
    deregisterAfterMs: milliseconds(fields, 'deregisterAfterMs'),
  };
}

/** In the words of a registration, so that it is judged as one. */
function probeOf(fields: Fields): Probe {
  const type = fields.string('type');
  switch (type) {
    case 'http':
      return readProbe(
        new Fields({
          HTTP: fields.string('url'),
          Method: fields.string('method'),
          Header: fields.json('headers'),
          Body: fields.string('body'),
          TLSServerName: fields.string('tlsServerName'),
          TLSSkipVerify: fields.boolean('tlsSkipVerify'),
        }),
      );
    case 'tcp':
      return readProbe(new Fields({ TCP: fields.string('address'), TCPUseTLS: fields.boolean('tls') }));
    case 'udp':
      return readProbe(new Fields({ UDP: fields.string('address') }));
    case 'h2ping':
      return readProbe(
        new Fields({
          H2PING: fields.string('address'),
          H2PingUseTLS: fields.boolean('tls'),
          TLSSkipVerify: fields.boolean('tlsSkipVerify'),
        }),
      );
    case 'alias':
      return readProbe(
        new Fields({ AliasNode: fields.string('node'), AliasService: fields.string('instance') }),
      );
    case 'grpc':
      return readProbe(
        new Fields({
          GRPC: fields.string('target'),
          GRPCUseTLS: fields.boolean('tls'),
          TLSSkipVerify: fields.boolean('tlsSkipVerify'),
        }),
      );
    case 'ttl':
      return readProbe(new Fields({ TTL: milliseconds(fields, 'ttlMs') * 1e6 }));
    default:
      throw wrong(fields.pathOf('type'), `is no kind of probe: ${JSON.stringify(type)}`);
  }
}

const sessionName = 'consul.session';

function readLease(fields: Fields): CatalogRecord {
  const extra = readExtra(fields);
  const session = extra.extra?.[sessionName];
  if (session !== undefined) checkSession(new Fields(session, sessionName));
  return {
    kind: 'lease',
    id: fields.string('id'),
    ttlMs: milliseconds(fields, 'ttlMs'),
    owner: fields.string('owner'),
    origin: readOrigin(fields),
    ...extra,
  };
}

/** What is kept in a lease is taken at its word later. */
function checkSession(fields: Fields): void {
  fields.string('name');
  fields.string('node');
  milliseconds(fields, 'lockDelayMs');
  milliseconds(fields, 'ttlMs');
  fields.strings('nodeChecks');
  fields.strings('serviceChecks');
  if (!['release', 'delete'].includes(fields.string('behavior')))
    throw wrong(fields.pathOf('behavior'), 'must be release or delete');
}

function readRule(fields: Fields): RuleRecord {
  const record: RuleRecord = {
    kind: 'rule',
    apiVersion: fields.string('apiVersion'),
    ruleKind: fields.string('ruleKind'),
    namespace: fields.string('namespace'),
    name: fields.string('name'),
    manifest: fields.json('manifest') ?? null,
    origin: readOrigin(fields),
  };
  const query = preparedQueryOf({ record, createRevision: 0, modifyRevision: 0 });
  if (query === undefined) return record;
  // Read as a client would write it, so that every field is looked at.
  new Fields(query).string('id');
  inner(new Fields(query), 'service');
  return preparedQueryRecord(
    readPreparedQuery(new Fields(wirePreparedQuery(query)), record.name),
    record.origin,
  );
}

function readRuleVersion(fields: Fields): RuleVersionRecord {
  const action = fields.string('action');
  const known = versionActions.find((one) => one === action);
  if (known === undefined)
    throw wrong(fields.pathOf('action'), `must be one of ${versionActions.join(', ')}`);
  return {
    kind: 'rule-version',
    apiVersion: fields.string('apiVersion'),
    ruleKind: fields.string('ruleKind'),
    namespace: fields.string('namespace'),
    name: fields.string('name'),
    version: fields.integer('version'),
    manifest: fields.json('manifest') ?? null,
    size: fields.integer('size'),
    atMs: milliseconds(fields, 'atMs'),
    by: fields.string('by'),
    action: known,
    origin: readOrigin(fields),
  };
}

const versionActions = ['created', 'updated', 'deleted', 'rolled-back'] as const;

function milliseconds(fields: Fields, name: string): number {
  const value = fields.json(name) ?? 0;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw wrong(fields.pathOf(name), 'must be a number of milliseconds');
  }
  return value;
}

function inner(fields: Fields, name: string): Fields {
  const found = fields.object(name);
  if (found === undefined) throw wrong(fields.pathOf(name), 'is missing');
  return found;
}

function wrong(path: string, why: string): Fault {
  return new Fault('invalid', `The snapshot holds a wrong record: ${path} ${why}`, { path });
}
