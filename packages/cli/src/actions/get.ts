import { Fault } from '@portolan/core/base/fault.ts';
import { type RuleKind, ruleKinds } from '@portolan/core/rules/rule-kinds.ts';
import { type ListView, renderJson, renderList } from '../output/render.ts';
import { renderYaml } from '../output/yaml.ts';
import type { Session } from '../session.ts';
import { getRoutes } from './get-routes.ts';
import { columnsOf, type Resource } from './resource-columns.ts';
import { kindNamed, kindPath, resourcePath } from './resource-kinds.ts';

export interface GetFlags {
  readonly namespace?: string;
  readonly allNamespaces: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
}

/** `portolan get KIND [NAME]` */
export async function get(
  session: Session,
  word: string,
  name: string | undefined,
  flags: GetFlags,
): Promise<void> {
  if (word === 'kinds') return getKinds(session);
  if (word === 'routes' || word === 'route') return getRoutes(session, name);
  const kind = kindNamed(word);
  if (name !== undefined) return getOne(session, kind, name, flags);
  const resources = await listResources(session, kind, flags);
  session.io.out(renderList(resources, viewOf(kind, flags.allNamespaces), session.render));
  if (resources.length === 0) session.io.err(emptyText(kind, flags));
}

function emptyText({ plural, namespaced }: RuleKind, flags: GetFlags): string {
  if (!namespaced || flags.allNamespaces) return `No ${plural} are stored.\n`;
  return `No ${plural} in namespace ${flags.namespace ?? 'default'}; -A looks into all.\n`;
}

async function getOne(session: Session, kind: RuleKind, name: string, flags: GetFlags): Promise<void> {
  if (flags.allNamespaces)
    throw new Fault('invalid', 'get: -A and a name cannot be used together; -n names the namespace');
  const path = resourcePath(kind, flags.namespace ?? 'default', name);
  const resource = (await session.registry.get(path, session.signal)) as Resource;
  const { format } = session.render;
  if (format === 'json') session.io.out(renderJson(resource));
  else if (format === 'yaml') session.io.out(renderYaml(resource));
  else {
    session.io.out(renderList([resource], viewOf(kind, false), session.render));
    for (const { severity, message } of resource.status?.portolan?.diagnostics ?? []) {
      session.io.err(`${severity}: ${message}\n`);
    }
  }
}

/** All pages. */
export async function listResources(
  session: Session,
  kind: RuleKind,
  flags: GetFlags,
): Promise<readonly Resource[]> {
  const items: Resource[] = [];
  let after: string | undefined;
  do {
    const page = (await session.registry.send({
      method: 'GET',
      path: kindPath(kind),
      query: {
        namespace: !kind.namespaced || flags.allNamespaces ? undefined : (flags.namespace ?? 'default'),
        labelSelector: flags.selector,
        fieldSelector: flags.fieldSelector,
        after,
      },
      signal: session.signal,
    })) as { items: readonly Resource[]; metadata: { continue?: string } };
    items.push(...page.items);
    after = page.metadata.continue;
  } while (after !== undefined);
  return items;
}

function viewOf(kind: RuleKind, withNamespace: boolean): ListView<Resource> {
  return {
    columns: columnsOf(kind, withNamespace),
    name: ({ metadata }) => `${kind.kind.toLowerCase()}/${metadata.name}`,
    json: (resource) => resource,
  };
}

interface KindRow {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly count: number;
}

/** `portolan get kinds`: what can be read, and how much of each there is. */
async function getKinds(session: Session): Promise<void> {
  const answer = (await session.registry.get('portolan/v1/resources', session.signal)) as {
    kinds: readonly KindRow[];
  };
  const known = new Set(ruleKinds.map(({ plural }) => plural));
  const rows = answer.kinds.filter(({ plural }) => known.has(plural));
  session.io.out(renderList(rows, kindView, session.render));
}

const kindView: ListView<KindRow> = {
  columns: [
    { title: 'NAME', of: ({ plural }) => plural },
    { title: 'SHORT', of: ({ shortNames }) => shortNames.join(',') },
    { title: 'API VERSION', of: ({ apiVersion }) => apiVersion },
    { title: 'KIND', of: ({ kind }) => kind },
    { title: 'NAMESPACED', of: ({ namespaced }) => String(namespaced) },
    { title: 'STORED', of: ({ count }) => String(count) },
  ],
  name: ({ plural }) => plural,
  json: (row) => row,
};
