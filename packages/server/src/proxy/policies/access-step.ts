import type { RoutePolicies } from '@portolan/core/traffic/model.ts';
import { CidrSet } from './cidr-set.ts';
import { type Denial, denial, type PolicyState, type PolicyStep } from './step.ts';

const denied = denial(403, 'access-denied', 'this address may not come in');

/** Lets in by the client's address. A range that is none lets nobody in, nor keeps anybody out; the planner reports it. */
export class AccessStep implements PolicyStep {
  readonly credential = true;
  readonly #allow: CidrSet | undefined;
  readonly #deny: CidrSet | undefined;

  constructor({ allow, deny }: NonNullable<RoutePolicies['access']>) {
    this.#allow = allow === undefined ? undefined : new CidrSet(allow);
    this.#deny = deny === undefined ? undefined : new CidrSet(deny);
  }

  check(_request: unknown, { view }: PolicyState): Denial | undefined {
    const address = view.clientIp;
    if (address === undefined || this.#deny?.has(address) === true) return denied;
    return this.#allow === undefined || this.#allow.has(address) ? undefined : denied;
  }
}
