import { z } from 'zod';

/** Where a certificate and its key are: PEM, the certificate's own first, then those that lead to its authority. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

const pair = z.strictObject({ cert: z.string().min(1), key: z.string().min(1) });

/** The setting `gateway.tls.certificates`: a list of `cert` and `key`, or as text `CERT:KEY,…`. */
export const certificatesSchema = z.union([z.array(z.unknown()), z.string()]).transform((given, context) => {
  const found: CertificateFiles[] = [];
  for (const item of typeof given === 'string'
    ? given.split(',').filter((text) => text.trim() !== '')
    : given) {
    const parsed = pair.safeParse(typeof item === 'string' ? pairOf(item) : item);
    if (parsed.success) found.push(parsed.data);
    else {
      const message = `must be a list of {cert: FILE, key: FILE}, or CERT:KEY,…, not ${JSON.stringify(item)}`;
      context.addIssue({ code: 'custom', message });
    }
  }
  return found as readonly CertificateFiles[];
});

function pairOf(text: string): unknown {
  const [cert = '', key = '', ...more] = text.trim().split(':');
  return more.length === 0 ? { cert, key } : undefined;
}
