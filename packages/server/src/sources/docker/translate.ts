import { Fault } from '@portolan/core/base/fault.ts';
import { labels } from '@portolan/core/base/labels.ts';
import {
  type AdminState,
  type CheckRecord,
  defaultNamespace,
  type InstanceRecord,
  type LeaseRecord,
  type Origin,
} from '@portolan/core/catalog/records.ts';
import { checkRecord } from '@portolan/core/catalog/validate.ts';
import { readCheck } from './check.ts';
import type { DockerConfig } from './config.ts';
import type { Container } from './container.ts';
import { type ServiceMetadata, serviceMetadata } from './metadata.ts';
import { portsOf, type ServicePort } from './ports.ts';
import type { TagsOf } from './tags.ts';

/** What does not depend on the container. */
export interface Place {
  readonly config: DockerConfig;
  /** What `config.tags` says. */
  readonly tagsOf: TagsOf;
  /** The node on which instances are. */
  readonly node: string;
  readonly origin: Origin;
  /** The Docker host's own name: the first part of every ID. */
  readonly hostName: string;
  /** The address of this machine. */
  readonly hostAddress: string;
  /** On which the instances hang, if any. */
  readonly lease: LeaseRecord | undefined;
}

/** What else is known about the container. */
export interface Circumstances {
  readonly networkOwner: Container | undefined;
  /** It was told to stop and has not yet. */
  readonly stopping: boolean;
}

/** One service behind one port. */
export interface Registration {
  readonly instance: InstanceRecord;
  readonly checks: readonly CheckRecord[];
}

export interface Translation {
  readonly registrations: readonly Registration[];
  /** What was left out and why, in words. */
  readonly problems: readonly string[];
}

/** Whose an instance is, and of which of its runs: what this source has to know after a restart. */
export const containerField = 'docker.container';
export const startedField = 'docker.started';

/** Reasons that start so are ours to take back; any other was set by somebody else and stays. */
export const reasonPrefix = 'docker: ';

/**
 * What a running container registers, by Registrator's rules. Total: what cannot be registered is left out and is named in
 * `problems`. A stopped container registers nothing.
 */
export function translate(container: Container, place: Place, circumstances: Circumstances): Translation {
  if (container.state === 'stopped') return { registrations: [], problems: [] };
  const { config, hostAddress } = place;
  const { networkOwner, stopping } = circumstances;
  const { ports, problems: portProblems } = portsOf(container, { config, hostAddress, networkOwner });
  const problems = [...portProblems];
  const tags = ports.length === 0 ? [] : commonTags(container, place, problems);
  const registrations: Registration[] = [];
  for (const port of ports) {
    const metadata = serviceMetadata(container.env, container.labels, port.port);
    if (metadata.ignored || (config.explicit && metadata.name === '')) continue;
    const instance = instanceAt(container, place, metadata, {
      port,
      tags,
      isOneOfSeveral: ports.length > 1,
      stopping,
    });
    const problem = problemOf(instance);
    if (problem !== undefined) {
      problems.push(`port ${port.port}/${port.protocol} is not registered: ${problem}`);
      continue;
    }
    const { check, problems: checkProblems } = checkOf(instance, metadata);
    problems.push(...checkProblems.map((text) => `port ${port.port}/${port.protocol}: ${text}`));
    registrations.push({ instance, checks: check === undefined ? [] : [check] });
  }
  return { registrations, problems };
}

/** A template that fails for one container costs it these tags, not its service. */
function commonTags({ inspect }: Container, { tagsOf }: Place, problems: string[]): readonly string[] {
  try {
    return tagsOf(inspect);
  } catch (error) {
    problems.push(`docker.tags does not work for it: ${Fault.from(error).message}`);
    return [];
  }
}

interface InstanceOptions {
  readonly port: ServicePort;
  /** Besides its own. */
  readonly tags: readonly string[];
  readonly isOneOfSeveral: boolean;
  readonly stopping: boolean;
}

function instanceAt(
  container: Container,
  { config, node, origin, hostName, lease }: Place,
  metadata: ServiceMetadata,
  { port, tags, isOneOfSeveral, stopping }: InstanceOptions,
): InstanceRecord {
  const udp = port.protocol === 'udp';
  const baseName = metadata.name === '' ? imageBase(container.image) : metadata.name;
  const [adminState, adminReason] = adminOf(container, stopping);
  return {
    kind: 'instance',
    namespace: defaultNamespace,
    service: isOneOfSeveral && !metadata.nameIsOfPort ? `${baseName}-${port.port}` : baseName,
    node,
    id: metadata.id || `${hostName}:${container.name}:${port.port}${udp ? ':udp' : ''}`,
    address: addressFromLabel(container, config.ipFromLabel) ?? port.reached.address,
    port: port.reached.port,
    tags: [...metadata.tags, ...tags, ...(udp ? ['udp'] : [])],
    metadata: labels(metadata.rest),
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState,
    adminReason,
    enableTagOverride: false,
    ...(lease === undefined ? {} : { lease: lease.id }),
    origin,
    extra: { [containerField]: container.id, [startedField]: container.startedAt },
  };
}

function adminOf(container: Container, stopping: boolean): readonly [AdminState, string] {
  if (container.state === 'paused') return ['out-of-service', `${reasonPrefix}paused`];
  return stopping ? ['draining', `${reasonPrefix}stopping`] : ['in-service', ''];
}

/** `registry:5000/team/shop:1.4` is `shop`. */
function imageBase(image: string): string {
  return /([^/:@]*)(?:[:@][^/]*)?$/.exec(image)?.[1] ?? '';
}

/** A label may hold an address with its prefix length: `10.1.2.3/24`. */
function addressFromLabel(container: Container, label: string): string | undefined {
  const value = label === '' ? '' : (container.labels.get(label) ?? '');
  return value === '' ? undefined : value.replace(/\/[^/]*$/, '');
}

function checkOf(
  instance: InstanceRecord,
  metadata: ServiceMetadata,
): { check: CheckRecord | undefined; problems: readonly string[] } {
  const { check: asked, problems } = readCheck(metadata.rest, instance);
  if (asked === undefined) return { check: undefined, problems };
  const { namespace, service, id } = instance;
  const check: CheckRecord = {
    kind: 'check',
    node: instance.node,
    id: `service:${id}`,
    name: `Service '${service}' check`,
    status: asked.status,
    output: '',
    notes: '',
    instance: { namespace, service, id },
    definition: asked.definition,
    origin: instance.origin,
  };
  const problem = problemOf(check);
  if (problem === undefined) return { check, problems };
  return { check: undefined, problems: [...problems, `the check is left out: ${problem}`] };
}

/** Why the catalog would refuse it. */
function problemOf(record: InstanceRecord | CheckRecord): string | undefined {
  try {
    checkRecord(record);
    return undefined;
  } catch (error) {
    return Fault.from(error).message;
  }
}
