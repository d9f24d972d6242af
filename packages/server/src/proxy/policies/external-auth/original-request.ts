import type { RequestView } from '../../request-view.ts';

/** The address that the client asked for: `https://shop.test/cart?x=1`. */
export function originalUrl({ head, scheme }: RequestView): string {
  return `${scheme}://${head.authority.text}${head.path}${head.query}`;
}

/**
 * Fills in what people write into the addresses of an authentication service, in nginx's words: `$host`, `$http_host`, `$scheme`,
 * `$request_uri`, `$escaped_request_uri`, `$request_method`. Others stay as they are.
 */
export function withVariables(text: string, view: RequestView): string {
  if (!text.includes('$')) return text;
  const { head } = view;
  return text.replace(/\$\{?([a-z_]+)\}?/g, (whole, name: string) => {
    switch (name) {
      case 'host':
        return head.authority.host;
      case 'http_host':
        return head.authority.text;
      case 'scheme':
        return view.scheme;
      case 'request_method':
        return head.method;
      case 'request_uri':
        return head.path + head.query;
      case 'escaped_request_uri':
        return encodeURIComponent(head.path + head.query);
      default:
        return whole;
    }
  });
}
