import { Fault } from '@portolan/core/base/fault.ts';
import type { Json } from '@portolan/core/base/json.ts';
import { sameJson } from '@portolan/core/base/json.ts';
import type { HTTPRoute } from '@portolan/core/rules/gateway-api.ts';
import type { DestinationRule, VirtualService } from '@portolan/core/rules/istio.ts';
import { durationMs } from '../duration.ts';
import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { brokenRule, parseAbortRules } from '../rollout/abort-rule.ts';
import {
  type Figures,
  figuresBetween,
  isServiceCluster,
  isVersionCluster,
  snapshotOf,
} from '../rollout/figures.ts';
import { createProgress, type Look } from '../rollout/progress.ts';
import {
  firstVirtualService,
  shiftedHttpRoute,
  shiftedVirtualService,
  subsetsIn,
  type Versions,
  withSubsets,
} from '../rollout/shift.ts';
import type { Session } from '../session.ts';
import { type ApplyAnswer, author } from './apply-request.ts';
import { listResources } from './get.ts';
import type { Resource } from './resource-columns.ts';
import { kindNamed } from './resource-kinds.ts';

export interface RolloutFlags {
  readonly to: string;
  readonly from?: string;
  readonly namespace?: string;
  readonly steps: string;
  readonly pause: string;
  readonly abortOn: string;
  readonly minRequests: string;
  readonly admin?: string;
}

/** A figure is looked at this often. */
const lookMs = 500;

type Target = VirtualService | HTTPRoute;

/** `portolan rollout start SERVICE --to VERSION`: exit code 1 when it went back. */
export async function startRollout(session: Session, service: string, flags: RolloutFlags): Promise<void> {
  const { io } = session;
  const steps = parseSteps(flags.steps);
  const pauseMs = durationMs(flags.pause, '--pause');
  const rules = parseAbortRules(flags.abortOn);
  const minRequests = wholeNumber(flags.minRequests, '--min-requests');
  const { versions, before, revision } = await prepare(session, service, flags);
  const admin = flags.admin ?? (await adminOf(session));
  const isMeant = (cluster: string): boolean =>
    before.kind === 'HTTPRoute'
      ? isServiceCluster(cluster, versions.namespace, versions.to)
      : isVersionCluster(cluster, versions.namespace, versions.service, versions.to);
  const look = () => snapshotOf(admin, isMeant, session.timeoutMs);
  // Before anything is changed: a rollout that nobody can watch must not begin.
  await look();
  const progress = createProgress(io);
  const interrupted = interruption();
  let current = before;
  const unjudged: number[] = [];
  try {
    for (const [index, percent] of steps.entries()) {
      current = await moveTo(session, current, versions, percent);
      const start = await look();
      const startedMs = performance.now();
      const last = index === steps.length - 1;
      for (;;) {
        const figures = figuresBetween(start, await look());
        const leftMs = Math.max(0, pauseMs - (performance.now() - startedMs));
        const said: Look = {
          version: versions.to,
          percent,
          step: index + 1,
          steps: steps.length,
          leftMs,
          figures,
        };
        const broken = brokenRule(rules, figures, minRequests);
        if (broken !== undefined || interrupted.aborted) {
          progress.done(said);
          await goBack(session, before, versions, reasonOf(broken?.text, figures, interrupted.aborted));
          return;
        }
        if (leftMs === 0) {
          progress.done(said);
          if (rules.length > 0 && figures.requests < minRequests) unjudged.push(percent);
          break;
        }
        progress.show(said);
        await sleep(Math.min(lookMs, leftMs), interrupted);
      }
      if (!last) continue;
      io.out(`${printable(versions.service)} is at ${printable(versions.to)}.\n`);
      io.out(`To undo it: ${printable(undoing(before, revision))}\n`);
      if (unjudged.length > 0) {
        const steps = unjudged.map((one) => `${one}%`).join(', ');
        io.err(
          `Nothing was judged at ${steps}: fewer than ${minRequests} requests (--min-requests) went to it.\n`,
        );
      }
    }
  } finally {
    interrupted.release();
  }
}

function reasonOf(rule: string | undefined, figures: Figures, aborted: boolean): string {
  if (aborted && rule === undefined) return 'it was interrupted';
  const rate = ((figures.failures / figures.requests) * 100).toFixed(1);
  return `${rule} (${figures.requests} requests, ${rate}% errors, p99 ≤ ${figures.latencyMs(99)} ms)`;
}

/** All steps are in the history: the version before the last one is but a step. */
function undoing({ kind, metadata: { name, namespace = 'default' } }: Target, revision: string): string {
  const where = namespace === 'default' ? '' : ` -n ${namespace}`;
  return `portolan rollback ${kind.toLowerCase()} ${name}${where} --to-revision ${revision}`;
}

/** All requests to the old version again, with the manifest as it was. */
async function goBack(session: Session, before: Target, versions: Versions, reason: string): Promise<void> {
  await write(session, [before]);
  session.io.err(`Went back to ${printable(versions.from)}: ${reason}.\n`);
  session.io.exitCode = exitCodes.failed;
}

interface Prepared {
  readonly versions: Versions;
  readonly before: Target;
  /** At which `before` is in the history. */
  readonly revision: string;
}

/** The rule that is moved; made, with the subsets, where the service has none. */
async function prepare(session: Session, service: string, flags: RolloutFlags): Promise<Prepared> {
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

async function moveTo(
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

async function adminOf(session: Session): Promise<string> {
  const listeners = (await session.registry.get('portolan/v1/listeners')) as readonly {
    readonly name: string;
    readonly address: string;
    readonly port: number;
  }[];
  const admin = listeners.find(({ name }) => name === 'proxy-admin');
  if (admin !== undefined) return `http://${admin.address}:${admin.port}`;
  throw new Fault(
    'not-found',
    "the server has no gateway of its own: --admin names the gateway's admin listener",
    {
      path: '--admin',
    },
  );
}

function parseSteps(text: string): readonly number[] {
  const steps = text.split(',').map((part) => Number(part.trim().replace(/%$/, '')));
  const rising = steps.every((step, at) => step > (steps[at - 1] ?? 0) && step <= 100);
  if (steps.length > 0 && rising && steps.every((step) => Number.isFinite(step))) return steps;
  throw new Fault('invalid', `--steps: '${text}' must be percentages that rise, such as 1,10,50,100`, {
    path: '--steps',
  });
}

function wholeNumber(text: string, flag: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Fault('invalid', `${flag}: '${text}' is no whole number`, { path: flag });
}

interface Interruption {
  readonly aborted: boolean;
  onAbort(then: () => void): () => void;
  release(): void;
}

/** Ctrl-C goes back before it ends. */
function interruption(): Interruption {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    get aborted() {
      return controller.signal.aborted;
    },
    onAbort(then) {
      controller.signal.addEventListener('abort', then, { once: true });
      return () => controller.signal.removeEventListener('abort', then);
    },
    release() {
      process.off('SIGINT', abort);
      process.off('SIGTERM', abort);
    },
  };
}

function sleep(ms: number, interrupted: Interruption): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    const forget = interrupted.onAbort(end);
    function end(): void {
      clearTimeout(timer);
      forget();
      resolve();
    }
  });
}
