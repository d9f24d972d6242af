import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Certificate and key, PEM; and what is needed to issue others with it. */
export interface Issued {
  readonly chain: string;
  readonly key: string;
  readonly issuer: Issuer;
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface CertificateRequest {
  /** `CN=…, O=…`. */
  readonly subject: string;
  /** Host names, `*.suffix` too. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Who signs; undefined: it signs itself. */
  readonly issuer?: Issuer;
  /** Whether it may sign others. Default: false. */
  readonly authority?: boolean;
  /** Default: `ecdsa`, P-256. */
  readonly algorithm?: 'ecdsa' | 'rsa';
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: Uint8Array.of(1, 0, 1),
  modulusLength: 2_048,
};

/** Makes a key, and a certificate for it (RFC 5280). */
export async function issueCertificate(request: CertificateRequest): Promise<Issued> {
  const { subject, notBefore, notAfter, issuer, authority = false } = request;
  const algorithm = request.algorithm === 'rsa' ? rsa : ecdsa;
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const signingKey = (issuer?.keys ?? keys).privateKey;
  cryptoProvider.set(webcrypto as never);
  const certificate = await X509CertificateGenerator.create({
    // RFC 5280 §4.1.2.2: positive, 20 octets at most.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    ...{ subject, notBefore, notAfter },
    issuer: issuer?.certificate.subject ?? subject,
    signingAlgorithm: signingKey.algorithm.name === 'ECDSA' ? ecdsa : rsa,
    publicKey: keys.publicKey as never,
    signingKey: signingKey as never,
    extensions: [
      new BasicConstraintsExtension(authority, undefined, true),
      new KeyUsagesExtension(
        authority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature,
        true,
      ),
      ...(authority
        ? []
        : [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth])]),
      ...alternativeNames(request),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = pkcs8.match(/.{1,64}/g)?.join('\n') ?? '';
  return {
    chain: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    issuer: { certificate, keys },
  };
}

function alternativeNames({
  dnsNames = [],
  ipAddresses = [],
}: CertificateRequest): SubjectAlternativeNameExtension[] {
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...ipAddresses.map((value) => ({ type: 'ip', value }) as const),
  ];
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)];
}
