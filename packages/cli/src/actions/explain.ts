import { Fault } from '@portolan/core/base/fault.ts';
import { exitCodes } from '../exit-codes.ts';
import { printable } from '../output/printable.ts';
import { renderJson } from '../output/render.ts';
import { renderTable } from '../output/table.ts';
import { renderYaml } from '../output/yaml.ts';
import type { Session } from '../session.ts';
import type { Diagnostic } from './apply-request.ts';

export interface ExplainFlags {
  readonly header: readonly string[];
  readonly method: string;
  readonly source?: string;
  readonly table?: string;
}

interface Answer {
  readonly host: string;
  readonly path: string;
  readonly virtualHost?: { readonly name: string; readonly domain: string };
  readonly otherTables?: readonly string[];
  readonly looked: number;
  readonly candidates: readonly {
    readonly route: string;
    readonly match: string;
    readonly failed?: { readonly condition: string; readonly found: string };
  }[];
  readonly route?: {
    readonly name: string;
    readonly action: string;
    readonly policies: readonly string[];
    readonly targets: readonly {
      readonly cluster?: string;
      readonly status?: number;
      readonly percent: number;
      readonly endpoints: readonly {
        readonly id: string;
        readonly address: string;
        readonly port: number;
        readonly weight: number;
        readonly state: string;
      }[];
      readonly endpointCount: number;
    }[];
  };
  readonly diagnostics: readonly Diagnostic[];
}

/** `portolan explain HOST/PATH`: which rule a request meets, why, and where it goes. Exit code 3 where none does. */
export async function explain(session: Session, target: string, flags: ExplainFlags): Promise<void> {
  const { host, path, scheme } = parseTarget(target);
  const answer = (await session.registry.send({
    method: 'POST',
    path: 'portolan/v1/explain',
    body: JSON.stringify({
      ...{ host, path, scheme, method: flags.method.toUpperCase(), headers: flags.header.map(parseHeader) },
      ...{ source: flags.source, table: flags.table },
    }),
    signal: session.signal,
  })) as Answer;
  const { io, render } = session;
  if (render.format === 'json') io.out(renderJson(answer));
  else if (render.format === 'yaml') io.out(renderYaml(answer));
  else if (render.format === 'name')
    io.out(answer.route === undefined ? '' : `${printable(answer.route.name)}\n`);
  else tell(session, answer);
  if (answer.route === undefined) io.exitCode = exitCodes.notFound;
}

function parseTarget(target: string): { host: string; path: string; scheme: 'http' | 'https' } {
  const match = /^(?:(https?):\/\/)?([^/?#]+)([^#]*)/.exec(target);
  const [, scheme = 'http', host = '', rest = ''] = match ?? [];
  if (host === '')
    throw new Fault('invalid', `explain: '${target}' has no host; write shop.example.com/path`);
  return {
    host,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    scheme: scheme === 'https' ? 'https' : 'http',
  };
}

function parseHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new Fault('invalid', `-H: '${text}' must be 'Name: value'`, { path: '-H' });
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

function tell(
  session: Session,
  { host, path, virtualHost, otherTables = [], candidates, looked, route, diagnostics }: Answer,
): void {
  const { io, render } = session;
  const { colors } = render;
  if (virtualHost === undefined) {
    io.out(`No rule is for the host ${printable(host)}: the gateway answers 404.\n`);
    for (const table of otherTables) io.out(`Another set of hosts has it: --table ${printable(table)}\n`);
    return;
  }
  io.out(
    `Host ${printable(host)} is ${printable(virtualHost.domain)} (${printable(virtualHost.name)}), path ${printable(path)}\n\n`,
  );
  const rows = candidates.map(({ route, match, failed }) => [
    failed === undefined ? 'yes' : 'no',
    route,
    match,
    failed === undefined ? '' : `${failed.condition}: ${failed.found}`,
  ]);
  io.out(
    renderTable([['MATCHES', 'RULE', 'WHEN', 'FAILED BECAUSE'], ...rows], (text, row) =>
      row === 0 ? colors.dim(text) : rows[row - 1]?.[0] === 'yes' ? colors.green(text) : text,
    ),
  );
  if (looked > candidates.length) io.out(`(${looked} rules were looked at)\n`);
  if (route === undefined) io.out('\nNo rule matches: the gateway answers 404.\n');
  else tellRoute(session, route);
  for (const { severity, subject, message } of diagnostics)
    io.err(`${printable(`${subject}: ${severity}: ${message}`)}\n`);
}

function tellRoute({ io, render: { colors } }: Session, route: NonNullable<Answer['route']>): void {
  io.out(`\n${printable(route.name)} -> ${printable(route.action)}\n`);
  for (const policy of route.policies) io.out(`  ${printable(policy)}\n`);
  for (const { cluster, status, percent, endpoints, endpointCount } of route.targets) {
    const where = cluster === undefined ? `status ${status}` : `cluster ${cluster}`;
    io.out(`  ${Number(percent.toFixed(2))}% ${printable(where)}\n`);
    if (cluster !== undefined && endpointCount === 0) io.out(`    ${colors.red('no endpoints')}: 503\n`);
    for (const { address, port, weight, state, id } of endpoints) {
      const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
      io.out(`    ${printable(`${place} ${state}, weight ${weight} (${id})`)}\n`);
    }
    if (endpointCount > endpoints.length) io.out(`    and ${endpointCount - endpoints.length} more\n`);
  }
}
