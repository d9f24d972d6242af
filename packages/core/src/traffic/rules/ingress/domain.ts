import { isHostName } from '../../../base/host-name.ts';
import { isIpAddress } from '../../../base/ip-address.ts';
import type { IngressTls } from '../../../rules/kubernetes.ts';
import type { PlanContext } from '../contract.ts';

/** An Ingress host as a domain of the model: `*.suffix`, which is one label there, is `?.suffix` here. Undefined: invalid, reported. */
export function domainOf(host: string | undefined, context: PlanContext, where: string): string | undefined {
  if (host === undefined || host === '') return '*';
  const name = host.toLowerCase();
  const suffix = name.startsWith('*.') ? name.slice(2) : undefined;
  const bare = suffix ?? name;
  if (isHostName(bare) && !bare.endsWith('.') && !isIpAddress(bare)) {
    return suffix === undefined ? name : `?.${suffix}`;
  }
  context.report(
    'error',
    'host-invalid',
    `"${host}" is no host name: a name such as shop.example.com, or *.example.com for one label more, without a port`,
    where,
  );
  return undefined;
}

/** Whether TLS is spoken of for a domain (as `domainOf` gives it): a section without hosts is for all. */
export function coversHost(tls: readonly IngressTls[], domain: string): boolean {
  return tls.some(({ hosts }) => !hosts?.length || hosts.some((host) => covers(host.toLowerCase(), domain)));
}

function covers(host: string, domain: string): boolean {
  if (!host.startsWith('*.')) return host === domain;
  const suffix = host.slice(1);
  return domain === `?${suffix}` || domain.slice(domain.indexOf('.')) === suffix;
}
