import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { renderJson } from '../output/render.ts';
import { unifiedDiff } from '../output/unified-diff.ts';
import { renderYaml } from '../output/yaml.ts';
import type { Session } from '../session.ts';
import { type ApplyCommandFlags, tryManifests } from './apply.ts';
import { type ApplyResult, type Effect, problemText } from './apply-request.ts';
import { titleOf } from './resource-kinds.ts';

/** `portolan diff -f FILE`: exit code 0 where nothing would change, 1 where something would, 2 where something is refused. */
export async function diff(session: Session, flags: ApplyCommandFlags): Promise<void> {
  const { io, render } = session;
  const { results, answers } = await tryManifests(session, flags);
  const refused = results.filter(({ outcome }) => outcome === 'refused');
  const changed = results.filter(({ outcome }) => outcome === 'created' || outcome === 'updated');
  if (render.format === 'json') io.out(renderJson(answers.length === 1 ? answers[0] : answers));
  else {
    for (const result of changed) show(session, diffOf(result));
    for (const { effect } of answers) if (effect !== undefined) showEffect(session, effect);
  }
  for (const { problems } of results) {
    for (const problem of problems) {
      if (problem.severity !== 'info') io.err(`${printable(problemText(problem))}\n`);
    }
  }
  if (refused.length > 0) io.exitCode = exitCodes.usage;
  else io.exitCode = changed.length > 0 ? exitCodes.failed : exitCodes.ok;
}

function diffOf({ key, before, after }: ApplyResult): readonly string[] {
  const name = key === undefined ? '' : titleOf(key);
  return unifiedDiff(comparable(before), comparable(after), {
    before: before === undefined ? '/dev/null' : `stored: ${name}`,
    after: `given: ${name}`,
  });
}

/** Without what only the server knows, which would differ each time. */
function comparable(manifest: object | undefined): string {
  if (manifest === undefined) return '';
  const { metadata, ...rest } = manifest as { readonly metadata?: Readonly<Record<string, unknown>> };
  const { uid: _uid, generation: _generation, creationTimestamp: _time, ...kept } = metadata ?? {};
  return renderYaml(sorted({ metadata: kept, ...rest }));
}

/** The order of fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

function showEffect(session: Session, effect: Effect): void {
  if (!effect.planned) {
    session.io.err(`The effect on the routes is not planned: ${printable(effect.reason)}.\n`);
    return;
  }
  for (const { kind, name, change, before = [], after = [] } of effect.changes) {
    if (kind === 'virtualHosts') {
      const names = { before: `routes of ${name}`, after: `routes of ${name}` };
      show(session, unifiedDiff(before.join('\n'), after.join('\n'), names));
    } else show(session, [`${{ added: '+', removed: '-', changed: '~' }[change]} ${kind} ${name}`]);
  }
  if (effect.count > effect.changes.length)
    session.io.out(`… and ${effect.count - effect.changes.length} more changes\n`);
  for (const { subject, severity, message } of effect.diagnostics) {
    session.io.err(`${printable(`${subject}: ${severity}: ${message}`)}\n`);
  }
}

function show({ io, render: { colors } }: Session, lines: readonly string[]): void {
  for (const line of lines) {
    const paint = { '+': colors.green, '-': colors.red, '@': colors.cyan }[line[0] as string];
    const text = printable(line);
    io.out(`${paint === undefined ? text : paint(text)}\n`);
  }
}
