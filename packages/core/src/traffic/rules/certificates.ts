import { textFromBase64 } from '../../base/base64-text.ts';
import type { Secret } from '../../rules/kubernetes.ts';
import type { RuleOf } from '../../rules/rule.ts';
import type { Certificate } from '../listener.ts';

/** The certificates of Secrets, each read once: a wildcard's is that of thousands of hosts. */
export interface SecretCertificates {
  /** What `tls.crt` and `tls.key` hold, or in words why it is no certificate. Whether they match is told when it is applied. */
  read(secret: RuleOf<Secret> | undefined, namespace: string, name: string): Certificate | string;
  /**
   * A Secret was written or removed: whether those who read it see something else. A certificate in place of another is the same to
   * them: `renewed` is told of it.
   */
  changed(
    secret: RuleOf<Secret> | undefined,
    namespace: string,
    name: string,
    renewed: (certificate: Certificate) => void,
  ): boolean;
  clear(): void;
}

export function createSecretCertificates(): SecretCertificates {
  const known = new WeakMap<object, Certificate | string>();
  /** What those who asked were told: a problem, or '' for a certificate. */
  const told = new Map<string, string>();

  function made(secret: RuleOf<Secret> | undefined, namespace: string, name: string): Certificate | string {
    if (secret === undefined) return `there is no Secret ${name} in namespace ${namespace}`;
    const before = known.get(secret.manifest);
    if (before !== undefined) return before;
    const certificate = certificateOf(secret, namespace, name);
    known.set(secret.manifest, certificate);
    return certificate;
  }

  return {
    read(secret, namespace, name) {
      const certificate = made(secret, namespace, name);
      told.set(`${namespace}/${name}`, typeof certificate === 'string' ? certificate : '');
      return certificate;
    },
    changed(secret, namespace, name, renewed) {
      const before = told.get(`${namespace}/${name}`);
      if (before === undefined) return false;
      const certificate = made(secret, namespace, name);
      if (typeof certificate === 'string') return before !== certificate;
      if (before === '') renewed(certificate);
      return before !== '';
    },
    clear: () => told.clear(),
  };
}

function certificateOf({ manifest }: RuleOf<Secret>, namespace: string, name: string): Certificate | string {
  const { data } = manifest;
  const chain = textOf(data, 'tls.crt');
  const key = textOf(data, 'tls.key');
  if (chain === undefined || key === undefined) {
    const lacking = chain === undefined ? 'tls.crt' : 'tls.key';
    return `Secret ${name} in namespace ${namespace} has no ${lacking} that is PEM in base64`;
  }
  return Object.freeze({ name: certificateName(namespace, name), chain, key });
}

/** Also unlike any name of an edge certificate. */
export function certificateName(namespace: string, secret: string): string {
  return `secret/${namespace}/${secret}`;
}

/** `data` may be anything: it is read outside of any translation, where nobody catches. */
function textOf(data: unknown, key: string): string | undefined {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return undefined;
  const value = (data as Readonly<Record<string, unknown>>)[key];
  const text = typeof value === 'string' ? textFromBase64(value) : undefined;
  return text?.includes('-----BEGIN ') ? text : undefined;
}
