import { type CertificateRequest, type Issued, issueCertificate } from '../../certificates/issue.ts';

const hourMs = 3_600_000;
/** Certificates for tests: an authority that signs for whom a test likes. */
export class TestAuthority {
  readonly #own: Issued;
  constructor(own: Issued) {
    this.#own = own;
  }
  static async create(name = 'Test authority', issuer?: TestAuthority): Promise<TestAuthority> {
    const request = { subject: `CN=${name}`, authority: true, ...validity() };
    return new TestAuthority(
      await issueCertificate({ ...request, ...(issuer === undefined ? {} : { issuer: issuer.#own.issuer }) }),
    );
  }

  /** PEM. */
  get chain(): string {
    return this.#own.chain;
  }

  /** A certificate for `names`, the first of which is the subject. */
  issue(names: readonly string[], more: Partial<CertificateRequest> = {}): Promise<Issued> {
    return issueCertificate({
      ...{ subject: `CN=${names[0]}`, dnsNames: names, issuer: this.#own.issuer },
      ...validity(),
      ...more,
    });
  }
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - hourMs), notAfter: new Date(nowMs + hourMs) };
}
