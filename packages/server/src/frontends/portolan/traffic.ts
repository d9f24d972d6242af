import { Fault } from '@portolan/core/base/fault.ts';
import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import { explain as explainRequest, matchText } from '@portolan/core/traffic/explain.ts';
import type { Route, VirtualHost } from '@portolan/core/traffic/model.ts';
import { actionText, policyTexts } from '@portolan/core/traffic/route-text.ts';
import { z } from 'zod';
import { linearPattern } from '../../linear-regex.ts';
import { type Handler, json, jsonBody, pageOf } from './call.ts';
import { parse } from './translate.ts';

/** `GET /portolan/v1/routes?host=&prefix=&after=&limit=`: virtual hosts in order of name, with their routes. */
export const routes: Handler = ({ context, query }) => {
  const { traffic, revision } = context.engine.view;
  const { prefix, after, limit } = pageOf(query);
  const host = query.get('host')?.toLowerCase();
  const names = [...traffic.virtualHosts.keys()].sort();
  const found: object[] = [];
  let last: string | undefined;
  let next: string | undefined;
  for (const name of names) {
    const virtualHost = traffic.virtualHosts.get(name);
    if (virtualHost === undefined || name <= after) continue;
    if (!virtualHost.domains.some((domain) => domain.startsWith(prefix))) continue;
    if (host !== undefined && !virtualHost.domains.includes(host)) continue;
    if (found.length === limit) {
      next = last;
      break;
    }
    found.push(shownHost(virtualHost));
    last = name;
  }
  return json({ revision, virtualHosts: found, next });
};

function shownHost({ name, table, domains, routes }: VirtualHost): object {
  return { name, table, domains, routes: routes.map(shownRoute) };
}

function shownRoute(route: Route): object {
  return {
    name: route.name,
    match: matchText(route.match),
    to: actionText(route.action),
    policies: policyTexts(route),
    route: withoutSecrets(route),
  };
}

/** The model's route as the data plane has it, but for passwords. */
function withoutSecrets(route: Route): Route {
  const { basicAuth } = route.policies ?? {};
  if (basicAuth === undefined) return route;
  const users = basicAuth.users.map((line) => `${line.slice(0, Math.max(0, line.indexOf(':')))}:(hidden)`);
  return { ...route, policies: { ...route.policies, basicAuth: { ...basicAuth, users } } };
}

const maxHeaders = 100;

const question = z.strictObject({
  host: z.string().min(1, 'must not be empty').max(512),
  path: z.string().max(8192).startsWith('/', 'must begin with a slash').default('/'),
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, 'must be a method such as GET')
    .default('GET'),
  scheme: z.enum(['http', 'https']).default('http'),
  headers: z
    .array(z.tuple([z.string().max(256), z.string().max(8192)]))
    .max(maxHeaders)
    .default([]),
  source: z.string().refine(isIpAddress, 'must be an IP address').optional(),
  table: z.string().max(512).optional(),
});

/** `POST /portolan/v1/explain`: which rule a request would meet, why, and where it would go. */
export const explain: Handler = ({ context, body }) => {
  const { path, source, table, ...rest } = parse(question, jsonBody(body));
  const { traffic, revision, diagnostics } = context.engine.view;
  const request = {
    ...rest,
    target: path,
    ...(source === undefined ? {} : { source }),
    ...(table === undefined ? {} : { table }),
  };
  const explanation = explainRequest(traffic, request, compile);
  // What is said about the rule that was met, and about those that were passed over.
  const names = [explanation.route?.name, ...explanation.candidates.map(({ route }) => route)];
  const about = diagnostics.filter(({ subject }) =>
    names.some((name) => name === subject || name?.startsWith(`${subject}/`)),
  );
  return json({ revision, ...explanation, diagnostics: about.slice(0, 20) });
};

function compile(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  try {
    const compiled = linearPattern(pattern, ignoreCase);
    return (text) => compiled.matchesAll(text);
  } catch (cause) {
    throw new Fault('invalid', 'no expression', { cause });
  }
}
