import { Fault } from '../base/fault.ts';
import type { Json } from '../base/json.ts';
import { labels } from '../base/labels.ts';
import type { FoundQuery, PreparedQuery } from './prepared-query.ts';

/**
 * An expression as the caller's engine compiles it: what it finds in a text, the whole first, then its groups; undefined:
 * nothing. It must take time linear in the text. Throws for a pattern that cannot be.
 */
export type CompileGroups = (pattern: string) => (text: string) => readonly string[] | undefined;

const reference = /\$(\$)?\{([^{}]*)\}/g;
const matchCall = /^match\(\s*(\d{1,3})\s*\)$/;

/**
 * A template with every `${name.full}`, `${name.prefix}`, `${name.suffix}`, `${match(N)}` and `${agent.segment}` of its service put
 * in; `$${` stands for `${`. A query that is none comes back as it is. Throws `invalid` for a reference that is none of these.
 */
export function renderPreparedQuery({ query, name }: FoundQuery, compile: CompileGroups): PreparedQuery {
  const { template, service } = query;
  if (template === undefined) return query;
  const groups = template.regexp === '' ? undefined : compile(template.regexp)(name);
  const referred = (expression: string): string => {
    const call = matchCall.exec(expression);
    if (call !== null) return groups?.[Number(call[1])] ?? '';
    switch (expression) {
      case 'name.full':
        return name;
      case 'name.prefix':
        return query.name;
      case 'name.suffix':
        return name.slice(query.name.length);
      case 'agent.segment':
        return '';
      default:
        throw unknownReference(expression);
    }
  };
  const put = (text: string): string =>
    text.replaceAll(reference, (whole, escaped: string | undefined, expression: string) =>
      escaped === undefined ? referred(expression.trim()) : whole.slice(1),
    );
  const tags = service.tags.map(put);
  return {
    ...query,
    service: {
      ...service,
      service: put(service.service),
      near: put(service.near),
      tags: template.removeEmptyTags ? tags.filter((tag) => tag !== '' && tag !== '!') : tags,
      nodeMeta: labels(Object.entries(service.nodeMeta).map(([key, value]) => [key, put(value)])),
      serviceMeta: labels(Object.entries(service.serviceMeta).map(([key, value]) => [key, put(value)])),
      failover: inTexts(service.failover, put),
    },
  };
}

/** Throws `invalid` for a template that would fail for every name. */
export function checkPreparedQuery(query: PreparedQuery, compile: CompileGroups): void {
  renderPreparedQuery({ query, name: query.name }, compile);
}

function unknownReference(expression: string): Fault {
  const known = 'name.full, name.prefix, name.suffix, match(N) and agent.segment';
  const text = `Bad template: \${${expression}} is not known; there are ${known}`;
  return new Fault('invalid', text, { path: 'Service' });
}

function inTexts(value: Json, put: (text: string) => string): Json {
  if (typeof value === 'string') return put(value);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: Json) => inTexts(item, put));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inTexts(item, put)]));
}
