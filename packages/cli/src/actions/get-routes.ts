import { type ListView, renderList } from '../output/render.ts';
import type { Session } from '../session.ts';

interface RoutesPage {
  readonly next?: string;
  readonly virtualHosts: readonly {
    readonly name: string;
    readonly table: string;
    readonly domains: readonly string[];
    readonly routes: readonly {
      readonly name: string;
      readonly match: string;
      readonly to: string;
      readonly policies: readonly string[];
    }[];
  }[];
}

interface RouteRow {
  readonly table: string;
  readonly hosts: readonly string[];
  readonly match: string;
  readonly to: string;
  readonly rule: string;
  readonly policies: readonly string[];
}

const routeView: ListView<RouteRow> = {
  columns: [
    {
      title: 'HOST',
      of: ({ hosts }) =>
        hosts.length > 3 ? `${hosts.slice(0, 2).join(',')} and ${hosts.length - 2} more` : hosts.join(','),
    },
    { title: 'MATCH', of: ({ match }) => match },
    { title: 'TO', of: ({ to }) => to },
    { title: 'RULE', of: ({ rule }) => rule },
    { title: 'TABLE', of: ({ table }) => table, wide: true },
    { title: 'POLICIES', of: ({ policies }) => policies.join('; '), wide: true },
  ],
  name: ({ rule }) => rule,
  json: (row) => row,
};

/** `portolan get routes [HOST]`: the traffic model's routes, in the order in which they are tried. */
export async function getRoutes(session: Session, host: string | undefined): Promise<void> {
  const rows = await listRoutes(session, host);
  session.io.out(renderList(rows, routeView, session.render));
  if (rows.length === 0)
    session.io.err(host === undefined ? 'There are no routes.\n' : `No route is for ${host}.\n`);
}

/** All pages. */
export async function listRoutes(session: Session, host: string | undefined): Promise<readonly RouteRow[]> {
  const rows: RouteRow[] = [];
  let after: string | undefined;
  do {
    const page = (await session.registry.send({
      method: 'GET',
      path: 'portolan/v1/routes',
      query: { host, after },
      signal: session.signal,
    })) as RoutesPage;
    for (const { table, domains, routes } of page.virtualHosts) {
      for (const { name, match, to, policies } of routes)
        rows.push({ table, hosts: domains, match, to, rule: name, policies });
    }
    after = page.next;
  } while (after !== undefined);
  return rows;
}
