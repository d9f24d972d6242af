import type { X509Certificate } from 'node:crypto';

/** The DNS names of a certificate, in lower case. Those that Node puts in quotes hold what no host name holds. */
export function dnsNames(certificate: X509Certificate): readonly string[] {
  const names = (certificate.subjectAltName ?? '').split(', ');
  return names.flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
}

/** The server names that they are for, as patterns of the traffic model: in a certificate `*` is one label (RFC 6125 §6.4.3). */
export function serverNamesOf(certificate: X509Certificate): readonly string[] {
  return dnsNames(certificate).map((name) => (name.startsWith('*.') ? `?${name.slice(1)}` : name));
}
