import type { PathMatch, RouteAction } from '@portolan/core/traffic/model.ts';
import type { LocalReply } from '../local-reply.ts';
import { headerLine, isAuthority } from '../policies/header-edit.ts';
import { compileRewrite } from '../policies/path-rewrite.ts';
import { answerStatus } from '../policies/safe-reply.ts';
import type { RequestView } from '../request-view.ts';

type RedirectAction = Extract<RouteAction, { type: 'redirect' }>;

/** Where a request is sent instead. */
export type Redirect = (request: RequestView) => LocalReply;

/** What is absent of the new address stays as the client said it, the query too; ports that go without saying are left out. */
export function compileRedirect(action: RedirectAction, match: PathMatch): Redirect {
  const { status, location } = action;
  if (location !== undefined) return () => redirectTo(status, location);
  const rewrite = action.path === undefined ? undefined : compileRewrite(action.path, match);
  const wanted =
    action.host !== undefined && isAuthority(action.host) ? splitAuthority(action.host) : undefined;
  return (view) => {
    const { head } = view;
    const target = rewrite === undefined ? head : rewrite(head.path, head.query);
    if (target === undefined) return broken;
    const scheme = action.scheme ?? view.scheme;
    const said = splitAuthority(head.authority.text);
    const name = wanted?.name ?? said.name;
    // Another scheme has another port.
    const port = action.port ?? wanted?.port ?? (action.scheme === undefined ? said.port : undefined);
    const path = (target.path === '*' ? '/' : target.path) + target.query;
    // HTTP/1.0 knows no host: what is relative stays there.
    if (name === '') return redirectTo(status, path);
    return redirectTo(
      status,
      `${scheme}://${name}${port === undefined || isUsual(port, scheme) ? '' : `:${port}`}${path}`,
    );
  };
}

const broken: LocalReply = {
  ...{ status: 400, body: 'the path cannot be rewritten as its route asks\n', code: 'bad-rewrite' },
  contentType: 'text/plain; charset=utf-8',
};

function redirectTo(status: number, location: string): LocalReply {
  return {
    status: answerStatus(status),
    body: '',
    contentType: 'text/plain; charset=utf-8',
    lines: headerLine('Location', location) || 'Location: /\r\n',
    code: 'redirect',
  };
}

function splitAuthority(text: string): { name: string; port: number | undefined } {
  const port = /:(\d+)$/.exec(text);
  return port === null
    ? { name: text, port: undefined }
    : { name: text.slice(0, port.index), port: Number(port[1]) };
}

function isUsual(port: number, scheme: string): boolean {
  return port === (scheme === 'https' ? 443 : 80);
}
