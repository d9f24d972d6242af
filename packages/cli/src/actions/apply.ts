import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { renderJson } from '../output/render.ts';
import { renderYaml } from '../output/yaml.ts';
import type { Session } from '../session.ts';
import {
  type ApplyAnswer,
  type ApplyFlags,
  type ApplyResult,
  type Effect,
  problemText,
  sendManifests,
} from './apply-request.ts';
import { manifestFiles } from './manifest-files.ts';
import { titleOf } from './resource-kinds.ts';

export interface ApplyCommandFlags extends ApplyFlags {
  readonly filename: readonly string[];
  readonly recursive: boolean;
}

/** `portolan apply -f FILE`: each resource on its own; what is refused is said, and is exit code 1 (5: only conflicts). */
export async function apply(session: Session, flags: ApplyCommandFlags): Promise<void> {
  const files = await manifestFiles(session.io, flags.filename, flags.recursive);
  const answers = await sendManifests(session, files, flags);
  const results = answers.flatMap((answer) => answer.results);
  const { io, render } = session;
  switch (render.format) {
    case 'json':
      io.out(renderJson(answers.length === 1 ? answers[0] : answers));
      break;
    case 'yaml':
      io.out(renderYaml(answers.length === 1 ? answers[0] : answers));
      break;
    case 'name':
      for (const { key, outcome } of results) {
        if (key !== undefined && outcome !== 'refused')
          io.out(`${printable(`${key.kind.toLowerCase()}/${key.name}`)}\n`);
      }
      break;
    default:
      for (const result of results) tellResult(session, result, flags.dryRun === true);
      for (const { effect } of answers) if (effect !== undefined) tellEffect(session, effect);
  }
  io.exitCode = exitCodeOf(results);
}

function exitCodeOf(results: readonly ApplyResult[]): number {
  const refused = results.filter(({ outcome }) => outcome === 'refused');
  if (refused.length === 0) return exitCodes.ok;
  const conflicts = refused.every(({ problems }) => problems.some(({ code }) => code === 'conflict'));
  return conflicts ? exitCodes.conflict : exitCodes.failed;
}

function tellResult({ io, render: { colors } }: Session, result: ApplyResult, dryRun: boolean): void {
  const { key, outcome, problems, diagnostics = [] } = result;
  const paint = { refused: colors.red, created: colors.green, updated: colors.green, deleted: colors.yellow }[
    outcome as string
  ];
  const name = key === undefined ? 'a document' : titleOf(key);
  if (outcome !== 'skipped') {
    io.out(
      `${printable(name)} ${(paint ?? colors.dim)(outcome)}${dryRun && outcome !== 'refused' ? ' (dry run)' : ''}\n`,
    );
  }
  for (const problem of problems) io.err(`${printable(problemText(problem))}\n`);
  for (const { severity, message } of diagnostics)
    io.err(`${printable(`${name}: ${severity}: ${message}`)}\n`);
}

function tellEffect({ io }: Session, effect: Effect): void {
  if (!effect.planned) {
    io.err(`The effect is not planned: ${printable(effect.reason)}.\n`);
    return;
  }
  const counts = new Map<string, number>();
  for (const { kind, change } of effect.changes) {
    const what = `${words.get(kind) ?? kind} ${change}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const said = Array.from(counts, ([what, count]) => `${count} ${what}`).join(', ');
  io.out(`Traffic: ${said === '' ? 'unchanged' : said}\n`);
  for (const { subject, severity, message } of effect.diagnostics) {
    io.err(`${printable(`${subject}: ${severity}: ${message}`)}\n`);
  }
}

const words: ReadonlyMap<string, string> = new Map([
  ['virtualHosts', 'hosts'],
  ['tlsHosts', 'TLS hosts'],
]);

/** All results of a dry run, for `diff` and `delete`. */
export async function tryManifests(
  session: Session,
  flags: ApplyCommandFlags,
): Promise<{ readonly results: readonly ApplyResult[]; readonly answers: readonly ApplyAnswer[] }> {
  const files = await manifestFiles(session.io, flags.filename, flags.recursive);
  const answers = await sendManifests(session, files, { ...flags, dryRun: true });
  return { results: answers.flatMap((answer) => answer.results), answers };
}
