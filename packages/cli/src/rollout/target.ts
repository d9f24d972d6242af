import { Fault } from '@portolan/core/base/fault.ts';
import { type Json, sameJson } from '@portolan/core/base/json.ts';
import type { HTTPRoute } from '@portolan/core/rules/gateway-api.ts';
import type { DestinationRule, VirtualService } from '@portolan/core/rules/istio.ts';
import { type ApplyAnswer, author } from '../actions/apply-request.ts';
import { listResources } from '../actions/get.ts';
import type { Resource } from '../actions/resource-columns.ts';
import { kindNamed } from '../actions/resource-kinds.ts';
import type { Session } from '../session.ts';
import {
  firstVirtualService,
  shiftedHttpRoute,
  shiftedVirtualService,
  subsetsIn,
  type Versions,
  withSubsets,
} from './shift.ts';

/** The rule whose weights are moved. */
export type Target = VirtualService | HTTPRoute;

export interface Prepared {
  readonly versions: Versions;
  readonly before: Target;
  /** At which `before` is in the history. */
  readonly revision: string;
}

/** The rule that is moved; made, with the subsets, where the service has none. */
export async function prepare(
  session: Session,
  service: string,
  flags: { readonly to: string; readonly from?: string; readonly namespace?: string },
): Promise<Prepared> {
  const namespace = flags.namespace ?? 'default';
  const scope = { namespace, allNamespaces: false };
  const list = async <T>(kind: string): Promise<readonly T[]> =>
    (await listResources(session, kindNamed(kind), scope)) as unknown as readonly T[];
  const known = { namespace, service };
  for (const rule of await list<VirtualService>('virtualservice')) {
    const subsets = subsetsIn(rule, known);
    if (subsets.length === 0) continue;
    const versions = { ...known, to: flags.to, from: flags.from ?? onlyOther(subsets, flags.to) };
    if (shiftedVirtualService(rule, versions, 0) === undefined) continue;
    await expectVersion(session, await list<DestinationRule>('destinationrule'), versions);
    await writeSubsets(session, await list<DestinationRule>('destinationrule'), versions);
    return { versions, before: withoutStatus(rule), revision: revisionOf(rule) };
  }
  for (const route of await list<HTTPRoute>('httproute')) {
    const versions = { ...known, from: flags.from ?? service, to: flags.to };
    if (versions.from === versions.to || shiftedHttpRoute(route, versions, 0) === undefined) continue;
    await expectService(session, await list<Resource>('service'), route, versions);
    return { versions, before: withoutStatus(route), revision: revisionOf(route) };
  }
  const labels = await versionLabels(session, service);
  if (!labels.includes(flags.to)) throw unknownVersion(service, flags.to, labels);
  const versions = { ...known, to: flags.to, from: flags.from ?? onlyOther(labels, flags.to) };
  await writeSubsets(session, await list<DestinationRule>('destinationrule'), versions);
  const made = firstVirtualService(versions);
  const { revision } = await write(session, [made]);
  return { versions, before: made, revision: `${revision}` };
}

function onlyOther(names: readonly string[], to: string): string {
  const [only, ...more] = names.filter((name) => name !== to);
  if (only !== undefined && more.length === 0) return only;
  throw new Fault(
    'invalid',
    only === undefined
      ? `nothing but ${to} is known to come from: --from names the version that requests go to now`
      : `requests may come from ${names.filter((name) => name !== to).join(', ')}: --from names which`,
    { path: '--from' },
  );
}

async function versionLabels(session: Session, service: string): Promise<readonly string[]> {
  const { instances } = await session.registry.instances(service, { timeoutMs: session.timeoutMs });
  return [...new Set(instances.flatMap(({ metadata }) => metadata.version ?? []))].sort();
}

/** A subset that a DestinationRule defines, or a version that some instance has. */
async function expectVersion(
  session: Session,
  rules: readonly DestinationRule[],
  { service, to }: Versions,
): Promise<void> {
  if (rules.some((rule) => rule.spec.subsets?.some(({ name }) => name === to))) return;
  const labels = await versionLabels(session, service);
  if (!labels.includes(to)) throw unknownVersion(service, to, labels);
}

/** An HTTPRoute knows versions as services: one that nobody has would be answered 500. */
async function expectService(
  session: Session,
  services: readonly Resource[],
  route: HTTPRoute,
  { namespace, to }: Versions,
): Promise<void> {
  if (services.some(({ metadata }) => metadata.name === to)) return;
  if ((await session.registry.services(session.signal)).has(to)) return;
  throw new Fault(
    'not-found',
    `HTTPRoute ${namespace}/${route.metadata.name} sends these requests, and there versions are services: there is no service ${to}; apply a Service of that name whose selector is the version's labels`,
    { path: '--to' },
  );
}

function unknownVersion(service: string, version: string, there: readonly string[]): Fault {
  const known = there.length === 0 ? 'none has any' : `there is ${there.join(', ')}`;
  return new Fault(
    'not-found',
    `no instance of ${service} has version ${version} in its metadata (${known}), and no rule defines it`,
  );
}

async function writeSubsets(
  session: Session,
  rules: readonly DestinationRule[],
  versions: Versions,
): Promise<void> {
  const known = rules.find(({ spec }) => spec.host.split('.')[0] === versions.service);
  const made = withSubsets(known && withoutStatus(known), versions);
  if (made !== undefined) await write(session, [made]);
}

export async function moveTo(
  session: Session,
  current: Target,
  versions: Versions,
  percent: number,
): Promise<Target> {
  await expectUnchanged(session, current);
  const next =
    current.kind === 'HTTPRoute'
      ? shiftedHttpRoute(current, versions, percent)
      : shiftedVirtualService(current, versions, percent);
  if (next === undefined) throw new Fault('conflict', `${current.kind} knows no ${versions.from} any more`);
  await write(session, [next]);
  return next;
}

/** The manifest as it was. What somebody else changed meanwhile is not written over: `conflict`. */
export async function restore(session: Session, current: Target, before: Target): Promise<void> {
  await expectUnchanged(session, current);
  await write(session, [before]);
}

/** Somebody else's change is not written over. */
async function expectUnchanged(session: Session, current: Target): Promise<void> {
  const { name, namespace = 'default' } = current.metadata;
  const all = await listResources(session, kindNamed(current.kind), { namespace, allNamespaces: false });
  const found = all.find(({ metadata }) => metadata.name === name) as unknown as Target | undefined;
  if (found !== undefined && sameJson(found.spec as unknown as Json, current.spec as unknown as Json)) return;
  throw new Fault(
    'conflict',
    `${current.kind} ${namespace}/${name} was changed by somebody else meanwhile: the rollout ends here, and leaves it as it is`,
  );
}

async function write(session: Session, manifests: readonly object[]): Promise<ApplyAnswer> {
  const files = manifests.map((manifest) => ({ file: 'rollout', text: JSON.stringify(manifest) }));
  const answer = (await session.registry.send({
    method: 'POST',
    path: 'portolan/v1/apply',
    query: { bundle: 'true', by: author() },
    body: JSON.stringify({ files }),
    repeatable: false,
    timeoutMs: session.timeoutMs,
  })) as ApplyAnswer;
  const refused = answer.results.find(({ outcome }) => outcome === 'refused');
  if (refused === undefined) return answer;
  throw new Fault('conflict', refused.problems.map(({ message }) => message).join('; '));
}

function revisionOf({ metadata }: Target): string {
  return (metadata as { readonly resourceVersion?: string }).resourceVersion ?? '0';
}

/** As it was written: what only answers have is left out. */
function withoutStatus<T extends { readonly metadata: object }>(manifest: T): T {
  const { status: _, ...rest } = manifest as T & { readonly status?: unknown };
  const { resourceVersion: __, ...metadata } = manifest.metadata as { readonly resourceVersion?: string };
  return { ...rest, metadata } as unknown as T;
}
