import { randomUUID } from 'node:crypto';
import { Fault } from '@portolan/core/base/fault.ts';
import { nearest } from '@portolan/core/base/near-miss.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import type { Entry, RuleRecord } from '@portolan/core/catalog/records.ts';
import { ruleOf } from '@portolan/core/rules/rule.ts';
import { clusterScope, type RuleKind, ruleKinds } from '@portolan/core/rules/rule-kinds.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import { subjectOfRule } from '@portolan/core/traffic/rules/contract.ts';
import { z } from 'zod';
import { bodyText } from '../../http/body.ts';
import { type Reply, reply } from '../../http/reply.ts';
import { addressStatus, nodePortsOf } from '../../rules/address-status.ts';
import {
  type Applied,
  type AppliedText,
  applyTexts,
  applyTextsDry,
  type NamedText,
  readAll,
} from '../../rules/apply.ts';
import { type RoutesByGateway, routesByGateway } from '../../rules/attached-routes.ts';
import { dryRun } from '../../rules/effect.ts';
import { type Problem, problemText } from '../../rules/problem.ts';
import type { ResourceKey } from '../../rules/read.ts';
import { fieldSelector, labelSelector, type Selector } from '../../rules/select.ts';
import { shownManifest, shownResource } from '../../rules/shown.ts';
import { gatewayStatus } from '../../rules/status.ts';
import {
  type Author,
  deleteRule,
  nameOf,
  putRule,
  recordKeyOf,
  rollBackRule,
  versionAt,
  versionsOf,
  type Written,
} from '../../rules/write.ts';
import { type Call, type Handler, json, jsonBody, pageOf, param } from './call.ts';
import { parse } from './translate.ts';

/** `GET /portolan/v1/resources`: what can be written, and how much of each there is. */
export const kinds: Handler = ({ context }) => {
  const { catalog, revision } = context.engine.view;
  const shown = ruleKinds.map((kind) => {
    let count = 0;
    for (const _ of catalog.rules(kind.apiVersion, kind.kind)) count += 1;
    return { ...kind, path: `/portolan/v1/resources/${groupVersion(kind)}/${kind.plural}`, count };
  });
  return json({ revision, kinds: shown });
};

function groupVersion({ apiVersion }: RuleKind): string {
  return apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
}

/** `GET …/{plural}?namespace=&labelSelector=&fieldSelector=&after=&limit=`; `after` is `namespace/name`. */
export const list: Handler = (call) => {
  const { catalog, revision } = call.context.engine.view;
  const kind = kindOf(call);
  const { after, limit } = pageOf(call.query);
  const selectors = selectorsOf(call);
  const shownOf = resourceShower(call);
  const items: unknown[] = [];
  let last = '';
  let next: string | undefined;
  for (const entry of catalog.rules(kind.apiVersion, kind.kind, call.query.get('namespace'))) {
    const { namespace, name, manifest } = entry.record;
    const place = `${namespace}/${name}`;
    if (after !== '' && !isAfter(entry.record, after)) continue;
    if (!selectors.every((selects) => selects(manifest))) continue;
    if (items.length === limit) {
      next = last;
      break;
    }
    items.push(shownOf(entry));
    last = place;
  }
  const metadata = { resourceVersion: String(revision), ...(next === undefined ? {} : { continue: next }) };
  return json({ apiVersion: 'v1', kind: 'List', metadata, items });
};

function isAfter({ namespace, name }: RuleRecord, after: string): boolean {
  const slash = after.indexOf('/');
  const afterNamespace = after.slice(0, Math.max(0, slash));
  return namespace === afterNamespace ? name > after.slice(slash + 1) : namespace > afterNamespace;
}

function selectorsOf({ query }: Call): readonly Selector[] {
  const labels = query.get('labelSelector');
  const fields = query.get('fieldSelector');
  return [
    ...(labels === undefined ? [] : [labelSelector(labels)]),
    ...(fields === undefined ? [] : [fieldSelector(fields)]),
  ];
}

export const get: Handler = (call) => {
  const key = keyOf(call);
  const entry = entryOf(call, key);
  if (entry === undefined) throw new Fault('not-found', `There is no ${nameOf(key)}.`);
  return json(resourceShower(call)(entry));
};

/** A manifest with its `resourceVersion`, and, in its status, whose it is, where it is reached and what the planner says about it. */
function resourceShower(call: Call): (entry: Entry<RuleRecord>) => object {
  const { catalog, traffic } = call.context.engine.view;
  const bySubject = Map.groupBy(call.diagnostics(), ({ subject }) => subject);
  const diagnosticsOf = (subject: string): readonly Diagnostic[] => bySubject.get(subject) ?? [];
  const address = gatewayAddress(call);
  const pooled = call.context.serviceAddresses?.loadBalancers !== undefined;
  let routes: RoutesByGateway | undefined;
  const allRoutes = (): RoutesByGateway => {
    routes ??= routesByGateway(catalog, diagnosticsOf);
    return routes;
  };
  return ({ record, modifyRevision }) => {
    const resource = shownResource(record, modifyRevision) as object;
    const diagnostics = diagnosticsOf(subjectOfRule(record));
    const rule = ruleOf(record);
    const status =
      rule === undefined
        ? {}
        : {
            ...addressStatus(rule, diagnostics, catalog, address, pooled),
            ...gatewayStatus(rule, diagnostics, allRoutes),
          };
    const nodePorts = rule === undefined ? [] : nodePortsOf(rule, traffic);
    const portolan = {
      owner: record.origin,
      diagnostics,
      ...(nodePorts.length === 0 ? {} : { nodePorts }),
    };
    return { ...resource, status: { ...status, portolan } };
  };
}

/** Where others reach this server's gateway; undefined: it has none. */
function gatewayAddress({ context: { listeners, identity } }: Call): string | undefined {
  const door = listeners.list().find(({ name }) => name === 'gateway' || name === 'gateway-tls');
  if (door === undefined) return undefined;
  return door.address === '0.0.0.0' || door.address === '::' ? identity.address : door.address;
}

function diagnosticsBySubject(all: readonly Diagnostic[]): (record: RuleRecord) => readonly Diagnostic[] {
  const bySubject = Map.groupBy(all, ({ subject }) => subject);
  return (record) => bySubject.get(subjectOfRule(record)) ?? [];
}

export const put: Handler = async (call) => {
  const { context } = call;
  const key = keyOf(call);
  const options = {
    nowMs: context.clock.wallMs(),
    ...(key.namespace === clusterScope ? {} : { namespace: key.namespace }),
  };
  const [resource, ...others] = await readAll(bodyText(call.body), options);
  if (resource === undefined || others.length > 0)
    throw new Fault('invalid', 'The body must be exactly one manifest.');
  if (resource.outcome !== 'read') return problemsReply(resource.problems);
  for (const field of ['apiVersion', 'kind', 'namespace', 'name'] as const) {
    if (resource.key[field] === key[field]) continue;
    throw new Fault(
      'invalid',
      `The body's ${field} is ${resource.key[field]}, and the path says ${key[field]}.`,
      { path: field },
    );
  }
  const author = { ...authorOf(call), uid: randomUUID(), resourceVersion: resource.resourceVersion };
  return written(call, key, resource.problems, (draft) => putRule(draft, key, resource.manifest, author));
};

export const remove: Handler = (call) => {
  const key = keyOf(call);
  const author = { ...authorOf(call), resourceVersion: call.query.get('resourceVersion') };
  return written(call, key, [], (draft) => {
    const result = deleteRule(draft, key, author);
    if (result.outcome === 'unchanged') throw new Fault('not-found', `There is no ${nameOf(key)}.`);
    return result;
  });
};

/** `POST …/rollback?to=REVISION` */
export const rollBack: Handler = (call) => {
  const key = keyOf(call);
  const to = call.query.get('to') ?? '';
  if (!/^\d{1,15}$/.test(to))
    throw new Fault('invalid', 'to must be a revision of its history', { path: 'to' });
  const author = { ...authorOf(call), uid: randomUUID() };
  return written(call, key, [], (draft) => rollBackRule(draft, key, Number(to), author));
};

/** Writes, or with `?dryRun=true` only says what would be; answers with what there is then. */
async function written(
  call: Call,
  key: ResourceKey,
  problems: readonly Problem[],
  write: (draft: Draft) => Written,
): Promise<Reply> {
  const { engine } = call.context;
  if (isSet(call, 'dryRun')) {
    const { result, effect } = await dryRun(engine, call.createPlanner, write, () => [recordKeyOf(key)]);
    return json({ ...shownWritten(key, result), dryRun: true, problems, effect });
  }
  const { outcome } = await engine.submit(write);
  const entry = entryOf(call, key);
  const resource = entry && resourceShower(call)(entry);
  return json(
    { key, outcome, revision: engine.view.revision, problems, resource },
    outcome === 'created' ? 201 : 200,
  );
}

/** `GET …/history`: its versions, the newest first. */
export const history: Handler = (call) => {
  const key = keyOf(call);
  const { catalog } = call.context.engine.view;
  const current = entryOf(call, key)?.modifyRevision;
  const versions = Array.from(versionsOf(catalog, key), ({ record, createRevision }) => ({
    revision: createRevision,
    version: record.version,
    time: new Date(record.atMs).toISOString(),
    by: record.by,
    action: record.action,
    owner: record.origin,
    current: createRevision === current,
  }));
  if (versions.length === 0) throw new Fault('not-found', `There is no history of ${nameOf(key)}.`);
  return json({ key, versions: versions.reverse() });
};

/** `GET …/history/{revision}`: the manifest as it was then; null where it was deleted. */
export const historyAt: Handler = (call) => {
  const key = keyOf(call);
  const version = versionAt(call.context.engine.view.catalog, key, Number(param(call, 'revision')));
  if (version === undefined) throw new Fault('not-found', `${nameOf(key)} has no version of that revision.`);
  const { manifest, ruleKind } = version.record;
  return json({ key, revision: version.createRevision, manifest: shownManifest(manifest, ruleKind) });
};

/**
 * `POST /portolan/v1/apply?file=&namespace=&by=&force=&dryRun=`: any number of manifests, each on its own. With `?bundle=true` the body is
 * `{"files": [{"file": "a.yaml", "text": "…"}]}`.
 */
export const apply: Handler = async (call) => {
  const { engine, clock } = call.context;
  const author = authorOf(call);
  const texts = isSet(call, 'bundle') ? parse(bundle, jsonBody(call.body)).files : [bodyAsText(call)];
  const options = { nowMs: clock.wallMs(), ...namespaceOption(call) };
  const dry = isSet(call, 'dryRun');
  const result = dry
    ? await applyTextsDry(engine, call.createPlanner, texts, author, options)
    : await applyTexts(engine, texts, author, options);
  return json(appliedReply(call, result, dry));
};

const maxFiles = 1_000;
const maxFileNameChars = 1024;

const bundle = z.strictObject({
  files: z.array(z.strictObject({ file: z.string().max(maxFileNameChars), text: z.string() })).max(maxFiles),
});

function bodyAsText(call: Call): NamedText {
  const file = call.query.get('file')?.slice(0, maxFileNameChars);
  return { text: bodyText(call.body), ...(file === undefined ? {} : { file }) };
}

function namespaceOption({ query }: Call): { readonly namespace?: string } {
  const namespace = query.get('namespace');
  if (namespace === undefined || namespace === '') return {};
  if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return { namespace };
  throw new Fault('invalid', 'namespace must be lower-case letters, digits and "-"', { path: 'namespace' });
}

function appliedReply(call: Call, { applied, effect }: AppliedText, dryRun: boolean): object {
  const diagnosticsOf = diagnosticsBySubject(call.diagnostics());
  return {
    revision: call.context.engine.view.revision,
    dryRun,
    refused: applied.filter(({ outcome }) => outcome === 'refused').length,
    results: applied.map((one) => {
      const { key, outcome, problems, line } = one;
      if (dryRun) return { ...shownWritten(key, one), problems, line };
      const diagnostics = one.after === undefined ? [] : diagnosticsOf(one.after);
      return { key, outcome, problems, line, diagnostics };
    }),
    ...(effect === undefined ? {} : { effect }),
  };
}

function shownWritten(
  key: ResourceKey | undefined,
  { outcome, before, after }: Pick<Applied, 'outcome' | 'before' | 'after'>,
): object {
  return {
    key,
    outcome,
    before: before === undefined ? undefined : shownManifest(before.manifest, before.ruleKind),
    after: after === undefined ? undefined : shownManifest(after.manifest, after.ruleKind),
  };
}

/** What is wrong with a manifest, as problem+json with all problems in `problems`. */
function problemsReply(problems: readonly Problem[]): Reply {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors.length > 0 ? errors : problems;
  const body = {
    type: 'about:blank',
    title: 'The manifest is not valid',
    status: 400,
    code: 'invalid',
    detail: first === undefined ? 'It cannot be read.' : problemText(first),
    field: first?.path,
    problems,
  };
  return reply(400, ['Content-Type', 'application/problem+json'], Buffer.from(`${JSON.stringify(body)}\n`));
}

function authorOf({ context, query }: Call): Author {
  return {
    origin: { dialect: 'portolan', source: 'api', node: context.identity.node },
    by: (query.get('by') ?? '').slice(0, maxAuthorChars),
    force: query.get('force') === 'true',
    atMs: context.clock.wallMs(),
    serviceAddresses: context.serviceAddresses,
  };
}

/** `user@host` and a bit. */
const maxAuthorChars = 255;

function isSet({ query }: Call, name: string): boolean {
  const value = query.get(name);
  if (value === undefined || value === 'false') return false;
  // As Kubernetes writes it: `dryRun=All`.
  if (value === 'true' || value === 'All' || value === '') return true;
  throw new Fault('invalid', `${name} must be true or false`, { path: name });
}

function entryOf(
  call: Call,
  { apiVersion, kind, namespace, name }: ResourceKey,
): Entry<RuleRecord> | undefined {
  return call.context.engine.view.catalog.rule(apiVersion, kind, namespace, name);
}

function keyOf(call: Call): ResourceKey {
  const { apiVersion, kind, namespaced } = kindOf(call);
  const namespace = param(call, 'namespace');
  if (namespaced === (namespace === clusterScope)) {
    const advice = namespaced ? 'a namespace' : `"${clusterScope}": it has no namespace`;
    throw new Fault('invalid', `The path of ${kind} must have ${advice}.`, { path: 'namespace' });
  }
  return { apiVersion, kind, namespace, name: param(call, 'name') };
}

function kindOf(call: Call): RuleKind {
  const [group, version, plural] = [param(call, 'group'), param(call, 'version'), param(call, 'plural')];
  const apiVersion = group === 'core' ? version : `${group}/${version}`;
  const found = ruleKinds.find((kind) => kind.apiVersion === apiVersion && kind.plural === plural);
  if (found !== undefined) return found;
  const near =
    ruleKinds.find((kind) => kind.plural === plural) ??
    ruleKinds.find(
      (kind) =>
        kind.plural ===
        nearest(
          plural,
          ruleKinds.map((one) => one.plural),
        ),
    );
  const advice =
    near === undefined
      ? 'GET /portolan/v1/resources lists them'
      : `did you mean ${groupVersion(near)}/${near.plural}?`;
  throw new Fault('not-found', `There is no kind ${group}/${version}/${plural}; ${advice}`);
}
