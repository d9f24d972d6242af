import { Fault } from '@portolan/core/base/fault.ts';

/** Which service, and what of it. The string form is `http://SERVICE/path?query`. */
export type Target = string | URL | { readonly service: string; readonly path: string };

export interface ServicePath {
  readonly service: string;
  /** Begins with `/`. */
  readonly path: string;
}

/** Reads the name as it is written: a URL class would lower its case, and names keep theirs. */
const pattern = /^http:\/\/([^/?#]*)([^#]*)/i;

export function parseTarget(target: Target): ServicePath {
  if (typeof target === 'object' && 'service' in target) return checked(target.service, target.path);
  const text = String(target);
  const match = pattern.exec(text);
  if (match === null) {
    throw invalid(`'${text}' is not a call by service name; write http://SERVICE/path`);
  }
  const [, authority = '', rest = ''] = match;
  if (/[:@]/.test(authority)) {
    throw invalid(`'${text}' has a port or a user; the registry knows the port, write http://SERVICE/path`);
  }
  return checked(decoded(authority, text), rest.startsWith('/') ? rest : `/${rest}`);
}

function checked(service: string, path: string): ServicePath {
  if (service === '') throw invalid('the name of the service is missing; write http://SERVICE/path');
  if (!path.startsWith('/')) throw invalid(`the path '${path}' does not begin with /`);
  return { service, path };
}

function decoded(authority: string, text: string): string {
  try {
    return decodeURIComponent(authority);
  } catch {
    throw invalid(`'${text}' has a broken % sequence in the service's name`);
  }
}

function invalid(message: string): Fault {
  return new Fault('invalid', `target: ${message}`, { path: 'target' });
}
