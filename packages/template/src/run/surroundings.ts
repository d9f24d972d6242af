import type { ExecConfig } from '../config/config.ts';
import type { ConsulAddress } from '../data/consul-address.ts';
import { matchesPattern } from '../functions/pattern.ts';

/** What `env` sees: the process' variables, and where the registry is for programs that ask for it. */
export function renderingEnvironment(
  environment: NodeJS.ProcessEnv,
  address: ConsulAddress,
): NodeJS.ProcessEnv {
  return { CONSUL_HTTP_ADDR: address.address, ...environment };
}

/** The child's variables: all, or what the lists leave, and the ones of its own. */
export function childEnvironment(
  environment: NodeJS.ProcessEnv,
  rules: ExecConfig['environment'] | undefined,
): NodeJS.ProcessEnv {
  if (rules === undefined) return environment;
  const inherited = rules.pristine
    ? []
    : Object.entries(environment).filter(([name]) => isPassed(name, rules));
  const custom = rules.custom.map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return Object.fromEntries([...inherited, ...custom]);
}

function isPassed(name: string, rules: ExecConfig['environment']): boolean {
  if (rules.deny.some((pattern) => matchesPattern(pattern, name))) return false;
  return rules.allow === undefined || rules.allow.some((pattern) => matchesPattern(pattern, name));
}
