import type { AcceptedTls } from '../accepted.ts';
import { type LocalReply, textReply } from '../local-reply.ts';

/** Why a request may not come on this connection; undefined: it may. `host` is the request's, in lower case, without port. */
export function tlsRefusal(tls: AcceptedTls, host: string): LocalReply | undefined {
  if (tls.refused)
    return { ...textReply(400, 'a valid client certificate is needed'), code: 'client-certificate' };
  if (host === tls.serverName || tls.serves(host)) return undefined;
  // RFC 9110 §15.5.20: the client may ask again on a connection of that host's own.
  return { ...textReply(421, 'this host is not served on this connection'), code: 'misdirected' };
}
