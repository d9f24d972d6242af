import type { VirtualHost } from '@portolan/core/traffic/model.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { HostRoutes } from './host-routes.ts';

/** A virtual host, made ready for use. */
export interface CompiledHost {
  readonly host: VirtualHost;
  /** By name; where two have the same, the first. */
  readonly routes: ReadonlyMap<string, CompiledRoute>;
  readonly index: HostRoutes;
}

/** The virtual hosts of one table by domain: the name itself, then `?.suffix`, then the longest `*.suffix`, then `*`. */
export class HostTable {
  /** For each domain the virtual hosts that claim it; the one whose name comes first has it. */
  readonly #domains = new Map<string, readonly CompiledHost[]>();
  #wildcards = 0;

  get empty(): boolean {
    return this.#domains.size === 0;
  }

  /** @param name lower case, without port */
  find(name: string): HostRoutes | undefined {
    const exact = this.#domains.get(name);
    if (exact !== undefined) return exact[0]?.index;
    if (this.#wildcards === 0) return undefined;
    let dot = name.indexOf('.');
    const oneLabel = dot > 0 ? this.#domains.get(`?${name.slice(dot)}`) : undefined;
    if (oneLabel !== undefined) return oneLabel[0]?.index;
    while (dot !== -1) {
      const suffix = this.#domains.get(`*${name.slice(dot)}`);
      if (suffix !== undefined) return suffix[0]?.index;
      dot = name.indexOf('.', dot + 1);
    }
    return this.#domains.get('*')?.[0]?.index;
  }

  /** Whether a domain other than `*` is the name, or a suffix of it. */
  claims(name: string): boolean {
    const found = this.find(name);
    return found !== undefined && (this.#domains.has(name) || found !== this.#domains.get('*')?.[0]?.index);
  }

  put(host: CompiledHost): void {
    for (const domain of new Set(host.host.domains)) {
      const claims = [...(this.#domains.get(domain) ?? []), host];
      claims.sort((left, right) => (left.host.name < right.host.name ? -1 : 1));
      this.#domains.set(domain, claims);
      if (isWildcard(domain)) this.#wildcards++;
    }
  }

  remove(host: CompiledHost): void {
    for (const domain of new Set(host.host.domains)) {
      const claims = (this.#domains.get(domain) ?? []).filter((claim) => claim !== host);
      if (claims.length === 0) this.#domains.delete(domain);
      else this.#domains.set(domain, claims);
      if (isWildcard(domain)) this.#wildcards--;
    }
  }
}

function isWildcard(domain: string): boolean {
  return domain.startsWith('*') || domain.startsWith('?');
}
