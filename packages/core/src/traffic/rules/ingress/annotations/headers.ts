import type { AnnotationGroup } from './draft.ts';
import { headerValue, isHeaderName } from './header-value.ts';
import { configData } from './secrets.ts';

/** `custom-headers` (of the response, from a ConfigMap), `mirror-target`, `mirror-host`. */
export const headerAnnotations: AnnotationGroup = (read, draft, { rule, context }) => {
  const reference = read.text('custom-headers');
  if (reference !== undefined) {
    const data = configData(reference, rule.namespace, context);
    if (typeof data === 'string') read.report('error', 'config-map-missing', 'custom-headers', data);
    else {
      const set = Object.entries(data).flatMap(([name, text]) => {
        const value = isHeaderName(name) ? headerValue(read, 'custom-headers', text) : undefined;
        return value === undefined ? [] : [{ name: name.toLowerCase(), value }];
      });
      set.sort((left, right) => (left.name < right.name ? -1 : 1));
      if (set.length > 0) draft.policies.responseHeaders = { set };
    }
  }
  const target = read.text('mirror-target');
  const host = read.text('mirror-host');
  if (read.choice('mirror-request-body', ['on', 'off']) === 'off') {
    read.report('info', 'annotation-unsupported', 'mirror-request-body', 'the body is always sent along');
  }
  if (target === undefined) return;
  const [, scheme, name = '', port, path = ''] =
    /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?(\/.*|\$request_uri)?$/i.exec(target) ?? [];
  if (scheme === undefined || !/^\/?(?:\$request_uri)?$/.test(path)) {
    const message = `"${target}" is no URL such as https://test.shop.example$request_uri: nothing is mirrored`;
    read.report('error', 'annotation-invalid', 'mirror-target', message);
    return;
  }
  const tls = scheme.toLowerCase() === 'https';
  const address = name.replaceAll(/[[\]]/g, '').toLowerCase();
  const cluster = context.fixedCluster(
    'mirror',
    [{ address, port: port === undefined ? (tls ? 443 : 80) : Number(port) }],
    tls ? { tls: { serverName: address, verify: false } } : {},
  );
  draft.policies.mirrors = [{ cluster, percent: 100, host: host ?? name.toLowerCase() }];
};
