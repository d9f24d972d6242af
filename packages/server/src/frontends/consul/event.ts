import { randomUUID } from 'node:crypto';
import { Fault } from '@portolan/core/base/fault.ts';
import { linearRegex } from '../../linear-regex.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import type { UserEvent } from './event-log.ts';
import { indexHeaders } from './headers.ts';
import { isOurDatacenter, readOptions, refuseEnterpriseScopes } from './query.ts';
import type { WireObject } from './translate-answer.ts';

/** Bytes of a name: as every other name here. */
const maxNameBytes = 255;

/** `PUT /v1/event/fire/:name?node=&service=&tag=`; its body is the payload. */
export const fire: Handler = (call) => {
  refuseEnterpriseScopes(call.query);
  if (!isOurDatacenter(call.query, call.context.identity.datacenter))
    return text(500, 'No path to datacenter');
  const name = call.argument;
  if (name === '') return text(400, 'Missing name');
  if (Buffer.byteLength(name) > maxNameBytes)
    throw new Fault('too-large', `The name is longer than ${maxNameBytes} bytes`);
  const filter = (parameter: string) => {
    const pattern = call.query.get(parameter) ?? '';
    if (pattern !== '') checkedPattern(parameter, pattern);
    return pattern;
  };
  const event = call.context.events.fire({
    id: randomUUID(),
    name,
    payload: call.body.toString('base64'),
    nodeFilter: filter('node'),
    serviceFilter: filter('service'),
    tagFilter: filter('tag'),
  });
  // Consul tells the time of an event only in the list.
  return localJson(call, { ...wireEvent(event), LTime: 0 });
};

function checkedPattern(parameter: string, pattern: string): void {
  try {
    linearRegex(pattern);
  } catch (cause) {
    throw new Fault('invalid', `Invalid ${parameter} filter ${JSON.stringify(pattern)}`, { cause });
  }
}

/** `GET /v1/event/list?name=`. Its index is that of the newest event, and only ever compared for being the same. */
export const list: Handler = async (call) => {
  const { events, config, random } = call.context;
  refuseEnterpriseScopes(call.query);
  const { index, waitMs } = readOptions(call.query, config);
  const name = call.query.get('name') ?? '';
  if (index > 0) await waitForOther(call, name, waitMs + (random() * waitMs) / 16);
  const found = events.list(name).filter((event) => isForHere(call, event));
  return localJson(call, found.map(wireEvent), 200, eventIndexHeaders(events.indexOf(name)));
};

async function waitForOther(call: Call, name: string, timeoutMs: number): Promise<void> {
  const { events } = call.context;
  // As text: it has 64 bits.
  const known = BigInt(call.query.get('index') ?? '0').toString();
  if (events.indexOf(name) === known) await events.wait(name, known, timeoutMs, call.response);
}

/** `?node=`, `?service=` and `?tag=` of the list narrow it to what was fired for such. */
function isForHere({ query }: Call, event: UserEvent): boolean {
  const wanted = (parameter: string, filter: string) => {
    const value = query.get(parameter) ?? '';
    return value === '' || value === filter;
  };
  return (
    wanted('node', event.nodeFilter) &&
    wanted('service', event.serviceFilter) &&
    wanted('tag', event.tagFilter)
  );
}

function eventIndexHeaders(index: string): readonly string[] {
  const [name = '', , ...rest] = indexHeaders(1, 'default', undefined);
  return [name, index, ...rest];
}

function wireEvent(event: UserEvent): WireObject {
  return {
    ID: event.id,
    Name: event.name,
    Payload: event.payload === '' ? null : event.payload,
    NodeFilter: event.nodeFilter,
    ServiceFilter: event.serviceFilter,
    TagFilter: event.tagFilter,
    Version: 1,
    LTime: event.time,
  };
}
