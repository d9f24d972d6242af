import { X509Certificate } from 'node:crypto';
import type { Certificate } from '@portolan/core/traffic/model.ts';
import { serverNamesOf } from '../../certificates/dns-names.ts';
import { ServerNames } from './server-names.ts';

/** What of a certificate decides when it is shown. */
interface Known {
  readonly certificate: Certificate;
  /** `rsa`, `ec`, `ed25519` … */
  readonly algorithm: string;
  readonly names: ServerNames<true>;
}

/** A certificate's names and algorithm, read once. Throws what OpenSSL says about a text that is no certificate. */
function known(certificate: Certificate): Known {
  const leaf = new X509Certificate(certificate.chain);
  const names = new ServerNames<true>();
  for (const name of serverNamesOf(leaf)) names.add(name, true);
  return { certificate, algorithm: leaf.publicKey.asymmetricKeyType ?? '', names };
}

/** Which of a host's certificates fit a server name. */
export class CertificateBook {
  readonly #known = new WeakMap<Certificate, Known | Error>();

  /**
   * One for each algorithm: the first of `certificates` that has the name, of those algorithms that have one; else the first of all. Those
   * that cannot be read are left out.
   */
  choose(certificates: readonly Certificate[], serverName: string): readonly Certificate[] {
    const readable = certificates.flatMap((certificate) => {
      const found = this.#read(certificate);
      return found instanceof Error ? [] : [found];
    });
    const named = readable.filter(({ names }) => serverName !== '' && names.find(serverName) !== undefined);
    return firstOfEach(named.length > 0 ? named : readable);
  }

  /** Why it cannot be used; undefined: it can be read. */
  problem(certificate: Certificate): string | undefined {
    const found = this.#read(certificate);
    return found instanceof Error ? found.message : undefined;
  }

  #read(certificate: Certificate): Known | Error {
    let found = this.#known.get(certificate);
    if (found === undefined) {
      try {
        found = known(certificate);
      } catch (thrown) {
        found = thrown instanceof Error ? thrown : new Error(String(thrown));
      }
      this.#known.set(certificate, found);
    }
    return found;
  }
}

function firstOfEach(list: readonly Known[]): readonly Certificate[] {
  const byAlgorithm = new Map<string, Certificate>();
  for (const { algorithm, certificate } of list) {
    if (!byAlgorithm.has(algorithm)) byAlgorithm.set(algorithm, certificate);
  }
  return [...byAlgorithm.values()];
}
