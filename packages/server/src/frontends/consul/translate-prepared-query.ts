import { Fault } from '@portolan/core/base/fault.ts';
import type {
  PreparedQuery,
  PreparedQueryService,
  PreparedQueryTemplate,
} from '@portolan/core/catalog/prepared-query.ts';
import type { Entry } from '@portolan/core/catalog/records.ts';
import type { Fields } from './fields.ts';
import { parseGoDuration } from './go-duration.ts';
import type { WireObject } from './translate-answer.ts';

const maxTags = 256;

/**
 * Reads a prepared query. Throws `invalid` with Consul's texts.
 * Source: https://developer.hashicorp.com/consul/api-docs/query#create-prepared-query
 */
export function readPreparedQuery(fields: Fields, id: string): PreparedQuery {
  const service = fields.object('Service');
  if (service === undefined || service.string('Service') === '') {
    throw new Fault('invalid', 'Must provide a Service name to query', { path: 'Service.Service' });
  }
  const template = readTemplate(fields.object('Template'));
  const dnsTtl = readTtl(fields.object('DNS')?.string('TTL') ?? '');
  return {
    id,
    name: fields.string('Name'),
    session: fields.string('Session'),
    token: fields.string('Token'),
    ...(template === undefined ? {} : { template }),
    service: readService(service),
    ...(dnsTtl === undefined ? {} : { dnsTtl }),
  };
}

function readTemplate(fields: Fields | undefined): PreparedQueryTemplate | undefined {
  const type = fields?.string('Type') ?? '';
  if (fields === undefined || type === '') return undefined;
  if (type !== 'name_prefix_match') {
    throw new Fault(
      'invalid',
      `Bad Template: unknown type ${JSON.stringify(type)}; use "name_prefix_match"`,
      {
        path: 'Template.Type',
      },
    );
  }
  return { regexp: fields.string('Regexp'), removeEmptyTags: fields.boolean('RemoveEmptyTags') };
}

function readService(fields: Fields): PreparedQueryService {
  const tags = fields.strings('Tags');
  if (tags.length > maxTags)
    throw new Fault('too-large', `A query has at most ${maxTags} tags`, { path: 'Service.Tags' });
  const failover = fields.object('Failover');
  const nearest = failover?.integer('NearestN') ?? 0;
  if (nearest < 0) throw new Fault('invalid', `Bad NearestN '${nearest}', must be >= 0`);
  return {
    service: fields.string('Service'),
    onlyPassing: fields.boolean('OnlyPassing'),
    ignoreCheckIds: fields.strings('IgnoreCheckIDs'),
    near: fields.string('Near'),
    tags,
    nodeMeta: fields.labels('NodeMeta'),
    serviceMeta: fields.labels('ServiceMeta'),
    connect: fields.boolean('Connect'),
    failover: {
      NearestN: nearest,
      Datacenters: failover?.json('Datacenters') ?? null,
      Targets: failover?.json('Targets') ?? null,
    },
  };
}

function readTtl(text: string): PreparedQuery['dnsTtl'] {
  if (text === '') return undefined;
  const ms = parseGoDuration(text);
  if (ms === undefined)
    throw new Fault('invalid', `Bad DNS TTL '${text}': write it as "10s"`, { path: 'DNS.TTL' });
  if (ms < 0) throw new Fault('invalid', `DNS TTL '${text}', must be >=0`, { path: 'DNS.TTL' });
  return { text, seconds: Math.min(Math.floor(ms / 1000), maxTtlSeconds) };
}

/** A TTL on the wire is 31 bits wide (RFC 2181 §8). */
const maxTtlSeconds = 2 ** 31 - 1;

export function wirePreparedQuery(query: PreparedQuery, entry?: Entry): WireObject {
  const { service, template } = query;
  return {
    ID: query.id,
    Name: query.name,
    Session: query.session,
    Token: query.token,
    Template: {
      Type: template === undefined ? '' : 'name_prefix_match',
      Regexp: template?.regexp ?? '',
      RemoveEmptyTags: template?.removeEmptyTags ?? false,
    },
    Service: {
      Service: service.service,
      Failover: service.failover,
      OnlyPassing: service.onlyPassing,
      IgnoreCheckIDs: service.ignoreCheckIds,
      Near: service.near,
      Tags: service.tags,
      NodeMeta: service.nodeMeta,
      ServiceMeta: service.serviceMeta,
      Connect: service.connect,
    },
    DNS: wireTtl(query),
    ...(entry === undefined ? {} : { CreateIndex: entry.createRevision, ModifyIndex: entry.modifyRevision }),
  };
}

export function wireTtl({ dnsTtl }: PreparedQuery): WireObject {
  return { TTL: dnsTtl?.text ?? '' };
}
