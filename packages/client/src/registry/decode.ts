import { Fault } from '@portolan/core/base/fault.ts';
import { type Labels, labels } from '@portolan/core/base/labels.ts';
import type { Health } from '@portolan/core/catalog/records.ts';

/** One running copy of a service, as the registry tells it. Frozen. */
export interface ServiceInstance {
  readonly service: string;
  readonly id: string;
  readonly node: string;
  /** Where to reach it: its own address, else its node's. */
  readonly address: string;
  readonly port: number;
  /** 1…: its share of the requests while it passes. */
  readonly weight: number;
  readonly tags: readonly string[];
  readonly metadata: Labels;
  /** The worst of its checks and its node's. */
  readonly health: Health;
  readonly checks: readonly CheckState[];
}

export interface CheckState {
  readonly id: string;
  readonly name: string;
  readonly status: Health;
  readonly output: string;
}

export interface KvEntry {
  readonly key: string;
  readonly value: Buffer;
  /** Unsigned 64 bit as the registry printed it; JavaScript's numbers lose digits past 2^53. */
  readonly flags: number;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** JSON that ought to be there, or an `unavailable` fault: what answered is no registry. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw strange('an answer that is not JSON', thrown);
  }
}

/** `health/service/:name`. An entry without an id, an address or a sane port is left out: the others still serve. */
export function decodeInstances(answer: unknown): readonly ServiceInstance[] {
  return list(answer)
    .map(decodeInstance)
    .filter((instance) => instance !== undefined);
}

function decodeInstance(entry: unknown): ServiceInstance | undefined {
  const { Node, Service, Checks } = fields(entry);
  const node = fields(Node);
  const service = fields(Service);
  const id = text(service.ID);
  const address = text(service.Address) || text(node.Address);
  const port = service.Port ?? 0;
  if (id === '' || address === '' || !isPort(port)) return undefined;
  const checks = (Array.isArray(Checks) ? Checks : []).map(decodeCheck);
  return Object.freeze({
    service: text(service.Service),
    id,
    node: text(node.Node),
    address,
    port,
    weight: Math.max(1, count(fields(service.Weights).Passing)),
    tags: texts(service.Tags),
    metadata: decodeLabels(service.Meta),
    health: worst(checks),
    checks,
  });
}

function decodeCheck(check: unknown): CheckState {
  const { CheckID, Name, Status, Output } = fields(check);
  return { id: text(CheckID), name: text(Name), status: health(Status), output: text(Output) };
}

/** Consul's fourth word, `maintenance`, and whatever else comes, is not to be called: critical. */
function health(status: unknown): Health {
  return status === 'passing' || status === 'warning' ? status : 'critical';
}

function worst(checks: readonly CheckState[]): Health {
  if (checks.some((check) => check.status === 'critical')) return 'critical';
  return checks.some((check) => check.status === 'warning') ? 'warning' : 'passing';
}

/** `catalog/services`: tags by service name. */
export function decodeServices(answer: unknown): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(fields(answer)).map(([name, tags]) => [name, texts(tags)]));
}

export function decodeKv(answer: unknown): readonly KvEntry[] {
  return list(answer).map((entry) => {
    const { Key, Value, Flags, CreateIndex, ModifyIndex } = fields(entry);
    return {
      key: text(Key),
      value: Buffer.from(text(Value), 'base64'),
      flags: count(Flags),
      createIndex: count(CreateIndex),
      modifyIndex: count(ModifyIndex),
    };
  });
}

export function decodeTexts(answer: unknown): readonly string[] {
  return texts(list(answer));
}

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  // Consul's Go code prints an empty list as null now and then.
  if (value === null) return [];
  throw strange('an answer of the wrong shape');
}

function decodeLabels(value: unknown): Labels {
  return labels(
    Object.entries(fields(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function count(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? value : 0;
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function strange(what: string, cause?: unknown): Fault {
  return new Fault('unavailable', `the server gave ${what}; is it a Portolan or Consul HTTP address?`, {
    cause,
  });
}
