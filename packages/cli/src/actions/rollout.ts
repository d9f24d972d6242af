import { Fault } from '@portolan/core/base/fault.ts';
import { durationMs } from '../duration.ts';
import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { type AbortRule, brokenRule, parseAbortRules } from '../rollout/abort-rule.ts';
import {
  type Figures,
  figuresBetween,
  isServiceCluster,
  isVersionCluster,
  type Snapshot,
  snapshotOf,
} from '../rollout/figures.ts';
import { type Interruption, interruption, sleep } from '../rollout/interruption.ts';
import { createProgress, type Look, type Progress } from '../rollout/progress.ts';
import { moveTo, type Prepared, prepare, restore, type Target } from '../rollout/target.ts';
import { unmovedRoutes } from '../rollout/unmoved-routes.ts';
import type { Session } from '../session.ts';

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

/** A gateway that is being replaced does not answer for a moment: so many times on end it may not. */
const maxBlindLooks = 3;

interface Watch {
  readonly rules: readonly AbortRule[];
  readonly minRequests: number;
  readonly pauseMs: number;
  readonly progress: Progress;
  readonly interrupted: Interruption;
  look(): Promise<Snapshot>;
}

/** How a step ended: as it should, or why it must not go on. */
type StepEnd = { readonly figures: Figures } | { readonly stop: string };

/** `portolan rollout start SERVICE --to VERSION`: exit code 1 when it went back. */
export async function startRollout(given: Session, service: string, flags: RolloutFlags): Promise<void> {
  // `--timeout` is for each request here: a rollout takes minutes.
  const session: Session = { ...given, signal: new AbortController().signal };
  const { io } = session;
  const steps = parseSteps(flags.steps);
  const pauseMs = durationMs(flags.pause, '--pause');
  const rules = parseAbortRules(flags.abortOn);
  const minRequests = wholeNumber(flags.minRequests, '--min-requests');
  const prepared = await prepare(session, service, flags);
  const { versions, before, revision } = prepared;
  const admin = flags.admin ?? (await adminOf(session));
  const look = () => snapshotOf(admin, meantBy(prepared), session.timeoutMs);
  // Before anything is changed: a rollout that nobody can watch must not begin.
  await look();
  for (const route of await unmovedRoutes(session, prepared)) {
    io.err(`Not moved, for another rule sends it: ${printable(route)}\n`);
  }
  const interrupted = interruption();
  const progress = createProgress(io);
  const watch: Watch = { rules, minRequests, pauseMs, progress, interrupted, look };
  const unjudged: number[] = [];
  let current = before;
  try {
    for (const [index, percent] of steps.entries()) {
      current = await moveTo(session, current, versions, percent);
      const said = { version: versions.to, percent, step: index + 1, steps: steps.length };
      const end = await watchStep(watch, said);
      if ('stop' in end) {
        await restore(session, current, before);
        io.err(`Went back to ${printable(versions.from)}: ${end.stop}.\n`);
        io.exitCode = exitCodes.failed;
        return;
      }
      if (rules.length > 0 && end.figures.requests < minRequests) unjudged.push(percent);
    }
  } finally {
    interrupted.release();
  }
  io.out(`${printable(versions.service)} is at ${printable(versions.to)}.\n`);
  io.out(`To undo it: ${printable(undoing(before, revision))}\n`);
  if (unjudged.length === 0) return;
  const shares = unjudged.map((one) => `${one}%`).join(', ');
  io.err(
    `Nothing was judged at ${shares}: fewer than ${minRequests} requests (--min-requests) went to it.\n`,
  );
}

async function watchStep(watch: Watch, of: Omit<Look, 'leftMs' | 'figures'>): Promise<StepEnd> {
  const { rules, minRequests, pauseMs, progress, interrupted } = watch;
  const startedMs = performance.now();
  let start: Snapshot | undefined;
  let blind = 0;
  for (;;) {
    const leftMs = Math.max(0, pauseMs - (performance.now() - startedMs));
    let figures: Figures | undefined;
    try {
      const seen = await watch.look();
      start ??= seen;
      figures = figuresBetween(start, seen);
      blind = 0;
    } catch (thrown) {
      blind += 1;
      if (blind >= maxBlindLooks) return { stop: Fault.from(thrown).message };
    }
    const broken = figures && brokenRule(rules, figures, minRequests);
    if (figures !== undefined) {
      const isOver = broken !== undefined || interrupted.aborted || leftMs === 0;
      progress[isOver ? 'done' : 'show']({ ...of, leftMs, figures });
      if (broken !== undefined) return { stop: brokenText(broken, figures) };
    }
    if (interrupted.aborted) return { stop: 'it was interrupted' };
    if (figures !== undefined && leftMs === 0) return { figures };
    await sleep(leftMs === 0 ? lookMs : Math.min(lookMs, leftMs), interrupted);
  }
}

function brokenText({ text }: AbortRule, figures: Figures): string {
  const rate = ((figures.failures / figures.requests) * 100).toFixed(1);
  return `${text} (${figures.requests} requests, ${rate}% errors, p99 ≤ ${figures.latencyMs(99)} ms)`;
}

/** Whether a cluster is the new version's. */
function meantBy({ before, versions }: Prepared): (cluster: string) => boolean {
  const { namespace, service, to } = versions;
  return (cluster) =>
    before.kind === 'HTTPRoute'
      ? isServiceCluster(cluster, namespace, to)
      : isVersionCluster(cluster, namespace, service, to);
}

/** All steps are in the history: the version before the last one is but a step. */
function undoing({ kind, metadata: { name, namespace = 'default' } }: Target, revision: string): string {
  const where = namespace === 'default' ? '' : ` -n ${namespace}`;
  return `portolan rollback ${kind.toLowerCase()} ${name}${where} --to-revision ${revision}`;
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
