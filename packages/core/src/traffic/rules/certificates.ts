import { textFromBase64 } from '../../base/base64-text.ts';
import type { Secret } from '../../rules/kubernetes.ts';
import type { RuleOf } from '../../rules/rule.ts';
import type { Certificate } from '../listener.ts';

/** Reads the certificates of Secrets, each once: a wildcard's is that of thousands of hosts. */
export interface CertificateReader {
  /** What `tls.crt` and `tls.key` hold, or in words why it is no certificate. Whether they match is told when it is applied. */
  read(secret: RuleOf<Secret> | undefined, namespace: string, name: string): Certificate | string;
}

export function createCertificateReader(): CertificateReader {
  const known = new WeakMap<object, Certificate | string>();
  return {
    read(secret, namespace, name) {
      if (secret === undefined) return `there is no Secret ${name} in namespace ${namespace}`;
      const before = known.get(secret.manifest);
      if (before !== undefined) return before;
      const made = certificateOf(secret, namespace, name);
      known.set(secret.manifest, made);
      return made;
    },
  };
}

function certificateOf({ manifest }: RuleOf<Secret>, namespace: string, name: string): Certificate | string {
  const { data = {} } = manifest;
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

function textOf(data: Readonly<Record<string, string>>, key: string): string | undefined {
  const text = Object.hasOwn(data, key) ? textFromBase64(data[key] ?? '') : undefined;
  return text?.includes('-----BEGIN ') ? text : undefined;
}
