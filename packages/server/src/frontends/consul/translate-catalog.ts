import { Fault } from '@portolan/core/base/fault.ts';
import type { CheckRecord, Health, InstanceRecord, NodeRecord } from '@portolan/core/catalog/records.ts';
import type { Fields } from './fields.ts';
import { healthOf } from './translate-check.ts';
import { checkedAddress, instanceOf, type Registrant, readInstance } from './translate-service.ts';

/** The body of `PUT /v1/catalog/register` as records. */
export interface CatalogRegistration {
  readonly node: NodeRecord;
  /** The node's record is only to be written where there is none. */
  readonly skipNodeUpdate: boolean;
  readonly instance?: InstanceRecord;
  readonly checks: readonly CatalogCheck[];
}

/** A check whose service is named only by its id; the catalog knows which that is. */
export interface CatalogCheck {
  readonly record: CheckRecord;
  /** '' = the node's own. */
  readonly serviceId: string;
}

/**
 * Reads a catalog registration. Throws `invalid` with Consul's texts.
 * Source: https://developer.hashicorp.com/consul/api-docs/catalog#register-entity
 */
export function readCatalogRegistration(
  fields: Fields,
  datacenter: string,
  origin: Registrant['origin'],
): CatalogRegistration {
  const name = fields.string('Node');
  if (name === '') throw new Fault('invalid', 'Must provide node', { path: 'Node' });
  const skipNodeUpdate = fields.boolean('SkipNodeUpdate');
  const address = fields.string('Address');
  if (address === '' && !skipNodeUpdate) {
    throw new Fault('invalid', 'Must provide address if SkipNodeUpdate is not set', { path: 'Address' });
  }
  const registrant = { node: name, origin };
  const instance = readCatalogService(fields, registrant);
  const checks = [...optional(fields.object('Check')), ...fields.objects('Checks')];
  return {
    node: {
      kind: 'node',
      name,
      id: fields.string('ID'),
      address: checkedAddress(address, 'Address'),
      datacenter,
      taggedAddresses: fields.labels('TaggedAddresses'),
      metadata: fields.labels('NodeMeta'),
      adminState: 'in-service',
      adminReason: '',
      origin,
    },
    skipNodeUpdate,
    ...(instance === undefined ? {} : { instance }),
    checks: checks.map((check) => readCatalogCheck(check, registrant, instance)),
  };
}

function optional(fields: Fields | undefined): readonly Fields[] {
  return fields === undefined ? [] : [fields];
}

function readCatalogService(fields: Fields, registrant: Registrant): InstanceRecord | undefined {
  const service = fields.object('Service');
  if (service === undefined) return undefined;
  const name = service.string('Service');
  if (name === '') {
    throw new Fault('invalid', 'Must provide service name (Service.Service) when service ID is provided', {
      path: 'Service.Service',
    });
  }
  return readInstance(service, name, registrant);
}

/** A check as the catalog takes it: its status is kept by who registers it. */
export function readCatalogCheck(
  fields: Fields,
  registrant: Registrant,
  instance: InstanceRecord | undefined,
): CatalogCheck {
  const node = fields.string('Node');
  if (node !== '' && node !== registrant.node) {
    throw new Fault(
      'invalid',
      `check's node ${JSON.stringify(node)} does not match the registration's node`,
      {
        path: fields.pathOf('Node'),
      },
    );
  }
  const serviceId = fields.string('ServiceID');
  const name = fields.string('Name');
  const id = fields.string('CheckID') || name;
  if (id === '')
    throw new Fault('invalid', 'Must provide check name or CheckID', { path: fields.pathOf('CheckID') });
  const definition = fields.json('Definition');
  return {
    serviceId,
    record: {
      kind: 'check',
      node: registrant.node,
      id,
      name,
      status: readCatalogStatus(fields),
      output: fields.string('Output'),
      notes: fields.string('Notes'),
      ...(instance !== undefined && instance.id === serviceId ? { instance: instanceOf(instance) } : {}),
      origin: registrant.origin,
      ...(definition === undefined ? {} : { extra: { 'consul.Definition': definition } }),
    },
  };
}

function readCatalogStatus(fields: Fields): Health {
  const word = fields.string('Status');
  const health = word === '' ? 'critical' : healthOf(word);
  if (health === undefined) {
    throw new Fault(
      'invalid',
      `Bad check status: ${JSON.stringify(word)}; use passing, warning or critical`,
      {
        path: fields.pathOf('Status'),
      },
    );
  }
  return health;
}

/** The body of `PUT /v1/catalog/deregister`. Empty ids: the whole node. */
export interface CatalogDeregistration {
  readonly node: string;
  readonly serviceId: string;
  readonly checkId: string;
}

export function readCatalogDeregistration(fields: Fields): CatalogDeregistration {
  const node = fields.string('Node');
  if (node === '') throw new Fault('invalid', 'Must provide node', { path: 'Node' });
  return { node, serviceId: fields.string('ServiceID'), checkId: fields.string('CheckID') };
}
