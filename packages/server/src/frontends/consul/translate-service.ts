import { isIP } from 'node:net';
import { Fault } from '@portolan/core/base/fault.ts';
import { isHostName } from '@portolan/core/base/host-name.ts';
import type { Json } from '@portolan/core/base/json.ts';
import {
  type AddressPort,
  type CheckRecord,
  type DialectFields,
  defaultNamespace,
  type Health,
  type InstanceRecord,
  type Origin,
} from '@portolan/core/catalog/records.ts';
import type { Fields } from './fields.ts';
import { type CheckRequest, healthOf, isEmptyCheck, readCheck } from './translate-check.ts';

/** What a service registration wants to exist: one instance and its checks. */
export interface ServiceRegistration {
  readonly instance: InstanceRecord;
  readonly checks: readonly CheckRecord[];
}

/** For whom a registration is read. */
export interface Registrant {
  readonly node: string;
  readonly origin: Origin;
}

/** As Consul has it: more than any real service carries. */
const maxMetaPairs = 64;
const maxMetaKey = 128;
const maxMetaValue = 512;
/** Each may make this server connect somewhere once a second. */
export const maxChecks = 64;

/** Fields that the model does not have, kept under `consul.<name>` and given back. */
const keptFields = ['Kind', 'Proxy', 'Connect', 'SocketPath', 'Locality'] as const;

/**
 * The body of `PUT /v1/agent/service/register` as records. Throws `invalid` with Consul's texts.
 * Source: https://developer.hashicorp.com/consul/api-docs/agent/service#register-service
 */
export function readServiceRegistration(fields: Fields, registrant: Registrant): ServiceRegistration {
  const name = fields.string('Name');
  if (name === '') throw new Fault('invalid', 'Missing service name', { path: 'Name' });
  const instance = readInstance(fields, name, registrant);
  return { instance, checks: readChecks(fields, instance, registrant) };
}

/** An instance from the fields that the agent's and the catalog's registrations have in common. */
export function readInstance(fields: Fields, name: string, registrant: Registrant): InstanceRecord {
  const extra = readExtra(fields);
  checkProxy(fields);
  return {
    kind: 'instance',
    namespace: defaultNamespace,
    service: name,
    node: registrant.node,
    id: fields.string('ID') || name,
    address: readAddress(fields),
    port: readPort(fields),
    tags: fields.strings('Tags'),
    metadata: readMeta(fields),
    taggedAddresses: readTaggedAddresses(fields),
    weights: readWeights(fields, registrant.origin.source === 'catalog'),
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: fields.boolean('EnableTagOverride'),
    origin: registrant.origin,
    ...(extra === undefined ? {} : { extra }),
  };
}

function readAddress(fields: Fields): string {
  const address = fields.string('Address');
  const path = fields.pathOf('Address');
  if (isUnspecified(address)) throw new Fault('invalid', 'Invalid service address', { path });
  return checkedAddress(address, path);
}

/** An IP address or a host name; '' where it is left to the node. */
export function checkedAddress(address: string, path: string): string {
  if (address === '' || isIP(address) !== 0 || isHostName(address)) return address;
  throw new Fault(
    'invalid',
    `Invalid address: ${path} must be an IP address or a host name, not ${JSON.stringify(address)}`,
    { path },
  );
}

/** An address at which nothing can be reached. */
function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || (isIP(address) === 6 && /^[0:]+$/.test(address));
}

function readPort(fields: Fields, name = 'Port'): number {
  const port = fields.integer(name);
  if (port < 0 || port > 65_535) {
    throw new Fault(
      'invalid',
      `Invalid service port: ${fields.pathOf(name)} is ${port}, it must be 0 to 65535`,
      {
        path: fields.pathOf(name),
      },
    );
  }
  return port;
}

function readMeta(fields: Fields): InstanceRecord['metadata'] {
  const meta = fields.labels('Meta');
  const keys = Object.keys(meta);
  const refuse = (why: string) => new Fault('invalid', `Invalid Service Meta: ${why}`, { path: 'Meta' });
  if (keys.length > maxMetaPairs) {
    throw refuse(`Node metadata cannot contain more than ${maxMetaPairs} key/value pairs`);
  }
  for (const key of keys) {
    if (key === '') throw refuse('Key cannot be blank');
    if (key.length > maxMetaKey) throw refuse(`Key is too long (limit: ${maxMetaKey} characters)`);
    if ((meta[key] ?? '').length > maxMetaValue) {
      throw refuse(`Value of ${JSON.stringify(key)} is too long (limit: ${maxMetaValue} characters)`);
    }
  }
  return meta;
}

function readTaggedAddresses(fields: Fields): Readonly<Record<string, AddressPort>> {
  const addresses: Record<string, AddressPort> = Object.create(null);
  const given = fields.object('TaggedAddresses');
  if (given === undefined) return addresses;
  for (const [tag] of fields.entries('TaggedAddresses')) {
    const entry = given.object(tag);
    if (entry !== undefined) {
      const address = checkedAddress(entry.string('Address'), entry.pathOf('Address'));
      addresses[tag] = { address, port: readPort(entry) };
    }
  }
  return addresses;
}

/** `zeroIsNone`: Consul's Go client always writes weights into the catalog, noughts where it was given none. */
function readWeights(fields: Fields, zeroIsNone: boolean): InstanceRecord['weights'] {
  const weights = fields.object('Weights');
  if (weights === undefined) return { passing: 1, warning: 1 };
  const passing = weights.integer('Passing');
  const warning = weights.integer('Warning');
  if (zeroIsNone && passing === 0 && warning === 0) return { passing: 1, warning: 1 };
  const refuse = (why: string) => new Fault('invalid', `Invalid Weights: ${why}`, { path: 'Weights' });
  if (passing < 1) throw refuse('Passing must be greater than 0');
  if (warning < 0) throw refuse('Warning must be greater or equal than 0');
  if (passing > 65_535 || warning > 65_535) throw refuse('DNS Weight must be between 0 and 65535');
  return { passing, warning };
}

/** A sidecar that stands for no service, or listens nowhere, is of no use to anybody. */
function checkProxy(fields: Fields): void {
  if (fields.string('Kind') !== 'connect-proxy') return;
  const refuse = (why: string, name: string) =>
    new Fault('invalid', `Invalid service: ${why}`, { path: fields.pathOf(name) });
  if ((fields.object('Proxy')?.string('DestinationServiceName').trim() ?? '') === '') {
    throw refuse('Proxy.DestinationServiceName must be non-empty for Connect proxy services', 'Proxy');
  }
  if (fields.integer('Port') === 0 && fields.string('SocketPath') === '') {
    throw refuse('Port or SocketPath must be set for a Connect proxy', 'Port');
  }
}

function readExtra(fields: Fields): DialectFields | undefined {
  const extra: Record<string, Json> = Object.create(null);
  for (const name of keptFields) {
    const value = fields.json(name);
    if (value !== undefined && value !== '') extra[`consul.${name}`] = value;
  }
  return Object.keys(extra).length === 0 ? undefined : extra;
}

function readChecks(fields: Fields, instance: InstanceRecord, registrant: Registrant): CheckRecord[] {
  const single = fields.object('Check');
  const requests = single === undefined || isEmptyCheck(single) ? [] : [readCheck(single)];
  requests.push(...fields.objects('Checks').map(readCheck));
  if (requests.length > maxChecks) {
    throw new Fault('invalid', `Invalid check: a service has at most ${maxChecks} checks`, {
      path: 'Checks',
    });
  }
  return requests.map((request, index) => {
    const ordinal = requests.length > 1 ? `:${index + 1}` : '';
    return checkRecord(request, registrant, {
      id: request.id || `service:${instance.id}${ordinal}`,
      name: request.name || `Service '${instance.service}' check`,
      status: readStatus(request.status, "Status for checks must 'passing', 'warning', 'critical'"),
      instance,
    });
  });
}

/** The record of a check that is run here or by TTL. Without `instance` it is the node's. */
export function checkRecord(
  request: CheckRequest,
  registrant: Registrant,
  settled: { id: string; name: string; status: Health; instance?: InstanceRecord },
): CheckRecord {
  const { instance } = settled;
  return {
    kind: 'check',
    node: registrant.node,
    id: settled.id,
    name: settled.name,
    status: settled.status,
    output: '',
    notes: request.notes,
    ...(instance === undefined ? {} : { instance: instanceOf(instance) }),
    definition: request.definition,
    origin: registrant.origin,
  };
}

export function instanceOf(instance: InstanceRecord): NonNullable<CheckRecord['instance']> {
  return { namespace: instance.namespace, service: instance.service, id: instance.id };
}

/** A check starts critical unless it says otherwise. */
export function readStatus(word: string, errorText: string): Health {
  if (word === '') return 'critical';
  const health = healthOf(word);
  if (health === undefined) throw new Fault('invalid', errorText, { path: 'Status' });
  return health;
}
