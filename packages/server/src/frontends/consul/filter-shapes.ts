import type { FieldType } from '@portolan/core/filter/evaluate.ts';

/**
 * What `filter=` may select, for each kind of list.
 * Source: https://developer.hashicorp.com/consul/api-docs (the table "Filtering" of each endpoint).
 */
const strings: FieldType = { listOf: 'string' };
const stringMap: FieldType = { mapOf: 'string' };
const addresses: FieldType = { mapOf: { fields: { Address: 'string', Port: 'number' } } };
const weights: FieldType = { fields: { Passing: 'number', Warning: 'number' } };

const indexes = { CreateIndex: 'number', ModifyIndex: 'number' } as const;

const service: FieldType = {
  fields: {
    ID: 'string',
    Kind: 'string',
    Service: 'string',
    Tags: strings,
    Meta: stringMap,
    Port: 'number',
    Address: 'string',
    TaggedAddresses: addresses,
    Weights: weights,
    EnableTagOverride: 'boolean',
    Datacenter: 'string',
    PeerName: 'string',
    ...indexes,
  },
};

const node: FieldType = {
  fields: {
    ID: 'string',
    Node: 'string',
    Address: 'string',
    Datacenter: 'string',
    TaggedAddresses: stringMap,
    Meta: stringMap,
    PeerName: 'string',
    ...indexes,
  },
};

const check: FieldType = {
  fields: {
    Node: 'string',
    CheckID: 'string',
    Name: 'string',
    Status: 'string',
    Notes: 'string',
    Output: 'string',
    ServiceID: 'string',
    ServiceName: 'string',
    ServiceTags: strings,
    Type: 'string',
    Interval: 'string',
    Timeout: 'string',
    ...indexes,
  },
};

export const filterShapes = {
  service,
  node,
  check,
  healthService: { fields: { Node: node, Service: service, Checks: { listOf: check } } },
  catalogService: {
    fields: {
      ID: 'string',
      Node: 'string',
      Address: 'string',
      Datacenter: 'string',
      TaggedAddresses: stringMap,
      NodeMeta: stringMap,
      ServiceKind: 'string',
      ServiceID: 'string',
      ServiceName: 'string',
      ServiceTags: strings,
      ServiceAddress: 'string',
      ServiceTaggedAddresses: addresses,
      ServiceWeights: weights,
      ServiceMeta: stringMap,
      ServicePort: 'number',
      ServiceEnableTagOverride: 'boolean',
      ...indexes,
    },
  },
  serviceSummary: {
    fields: {
      Name: 'string',
      Datacenter: 'string',
      Tags: strings,
      Nodes: strings,
      InstanceCount: 'number',
      ChecksPassing: 'number',
      ChecksWarning: 'number',
      ChecksCritical: 'number',
    },
  },
  serviceNames: { fields: { ServiceName: 'string', ServiceTags: strings } },
} as const satisfies Readonly<Record<string, FieldType>>;
