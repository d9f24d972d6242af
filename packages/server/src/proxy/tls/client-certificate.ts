import type { X509Certificate } from 'node:crypto';
import type { ClientAuth } from './tls-hosts.ts';

/** Who a client is, as far as its certificate says so. */
export type ClientIdentity =
  | { readonly kind: 'none' }
  | { readonly kind: 'verified'; readonly certificate: X509Certificate }
  | { readonly kind: 'failed'; readonly certificate: X509Certificate; readonly reason: string };

/** A distinguished name, or a certificate, that is longer is not passed on: a head has 16 KiB at most. */
const maxNameLength = 1_024;
const maxCertificateLength = 8_192;

/**
 * The lines that tell an upstream who the client is, under the names that ingress-nginx gave them, with the values of nginx' variables
 * `ssl_client_verify`, `…_s_dn`, `…_i_dn` (RFC 2253) and `…_escaped_cert`.
 */
export function clientLines(identity: ClientIdentity, { forward }: ClientAuth): string {
  if (identity.kind === 'none') return 'ssl-client-verify: NONE\r\n';
  const { certificate } = identity;
  const verify = identity.kind === 'verified' ? 'SUCCESS' : `FAILED:${identity.reason}`;
  const certificateText = encodeURIComponent(certificate.toString());
  const shown =
    forward === true && identity.kind === 'verified' && certificateText.length <= maxCertificateLength;
  return (
    `ssl-client-verify: ${verify}\r\n` +
    nameLine('ssl-client-subject-dn', certificate.subject) +
    nameLine('ssl-client-issuer-dn', certificate.issuer) +
    (shown ? `ssl-client-cert: ${certificateText}\r\n` : '')
  );
}

function nameLine(field: string, multiline: string | undefined): string {
  const name = (multiline ?? '').split('\n').reverse().join(',');
  // Node escapes what RFC 2253 demands, control characters too; what is left beyond ASCII is written as its octets.
  const ascii = name.replaceAll(/[^\x20-\x7e]/gu, escaped);
  return ascii === '' || ascii.length > maxNameLength ? '' : `${field}: ${ascii}\r\n`;
}

function escaped(character: string): string {
  return [...Buffer.from(character)]
    .map((octet) => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

/** Longer chains are none. */
const maxChain = 100;

/**
 * Authorities between the client's certificate and the one that is trusted, as OpenSSL counts the depth: those that the client has shown, but for
 * one that vouches for itself. A resumed session does not remember them.
 */
export function depthOf(certificate: X509Certificate): number {
  let depth = 0;
  for (let issuer = certificate.issuerCertificate; issuer !== undefined; issuer = issuer.issuerCertificate) {
    if (issuer.checkIssued(issuer) || depth > maxChain) return depth;
    depth++;
  }
  return depth;
}
