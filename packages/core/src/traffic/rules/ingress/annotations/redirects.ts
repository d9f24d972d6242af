import { isHostName } from '../../../../base/host-name.ts';
import type { AnnotationGroup } from './draft.ts';

/** `ssl-redirect`, `force-ssl-redirect`, `app-root`, `permanent-redirect`, `temporal-redirect`, `from-to-www-redirect`, `server-alias`. */
export const redirectAnnotations: AnnotationGroup = (read, draft) => {
  draft.sslRedirect = read.flag('ssl-redirect') ?? true;
  draft.forceSslRedirect = read.flag('force-ssl-redirect') ?? false;
  draft.wwwRedirect = read.flag('from-to-www-redirect') ?? false;
  const root = read.text('app-root');
  if (root?.startsWith('/')) draft.appRoot = root;
  else if (root !== undefined) {
    read.report('error', 'annotation-invalid', 'app-root', `"${root}" does not begin with a slash`);
  }
  const temporal = read.text('temporal-redirect');
  const temporalStatus = read.whole('temporal-redirect-code', 300) ?? 302;
  const permanent = read.text('permanent-redirect');
  const permanentStatus = read.whole('permanent-redirect-code', 300) ?? 301;
  const [location, status] =
    temporal === undefined ? [permanent, permanentStatus] : [temporal, temporalStatus];
  if (location !== undefined && isLocation(location)) {
    draft.redirect = { type: 'redirect', status: status <= 308 ? status : 302, location };
  } else if (location !== undefined) {
    const name = temporal === undefined ? 'permanent-redirect' : 'temporal-redirect';
    read.report('error', 'annotation-invalid', name, `"${location}" is no URL such as https://shop.test/`);
  }
  const aliases = read.list('server-alias') ?? [];
  if (aliases.length > maxAliases) {
    const message = `of ${aliases.length} the first ${maxAliases} are taken: write rules for the others`;
    read.report('error', 'annotation-invalid', 'server-alias', message);
  }
  draft.aliases = aliases.slice(0, maxAliases).flatMap((alias) => {
    const name = alias.toLowerCase();
    const bare = name.startsWith('*.') ? name.slice(2) : name;
    if (isHostName(bare)) return [bare === name ? name : `?.${bare}`];
    const message = `"${alias}" is no host name (expressions are not taken): name each host, or *.example.com`;
    read.report('error', 'annotation-invalid', 'server-alias', message);
    return [];
  });
};

/** Each has every path of the Ingress. */
const maxAliases = 100;

function isLocation(text: string): boolean {
  return /^(?:https?:\/\/[^\s/]|\/)[\x21-\x7e]*$/i.test(text);
}
