import type { ExecConfig } from '../config/config.ts';
import type { ConsulAddress } from '../data/consul-address.ts';

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
  if (rules.deny.some((pattern) => matches(pattern, name))) return false;
  return rules.allow === undefined || rules.allow.some((pattern) => matches(pattern, name));
}

/** `*` stands for anything. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  const last = rest.pop() ?? '';
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  return rest.every((piece) => {
    const found = name.indexOf(piece, at);
    at = found + piece.length;
    return found !== -1 && at <= name.length - last.length;
  });
}
