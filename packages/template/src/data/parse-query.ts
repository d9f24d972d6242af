/** The parts of consul-template's query strings: `[tag.]name[?query][@dc][~near][|filter]`. */
export interface QueryParts {
  readonly tag: string;
  readonly name: string;
  readonly options: string;
  readonly datacenter: string;
  readonly near: string;
  readonly filters: readonly string[];
}

const tail =
  '(?:\\?(?<options>[\\w\\-=&.%]+))?(?:@(?<datacenter>[\\w.\\-]+))?(?:~(?<near>[\\w.\\-]+))?(?:\\|(?<filter>[\\w,]+))?$';
const serviceForm = new RegExp(`^(?:(?<tag>[\\w=:.\\-]+)\\.)?(?<name>[\\w\\-]+)${tail}`);
const nodeForm = new RegExp(`^(?<name>[\\w.\\-]*)${tail}`);
const keyForm = /^\/?(?<name>[^@?]*)(?:\?(?<options>[^@]+))?(?:@(?<datacenter>[\w.-]+))?$/;

const filters = ['any', 'passing', 'warning', 'critical', 'maintenance'];

/** `web`, `v1.web@dc1~_agent|passing,warning`. Throws an `Error` for any other form. */
export function parseServiceQuery(source: string): QueryParts {
  return parts('health.service', serviceForm, source);
}

/** `[name][@dc][~near]`: nodes and services lists. */
export function parseNodeQuery(what: string, source: string): QueryParts {
  return parts(what, nodeForm, source);
}

/** `path[@dc]`. */
export function parseKeyQuery(what: string, source: string): QueryParts {
  return parts(what, keyForm, source);
}

function parts(what: string, form: RegExp, source: string): QueryParts {
  const groups = form.exec(source)?.groups;
  if (groups === undefined) throw new Error(`${what}: invalid format: ${JSON.stringify(source)}`);
  const wanted = groups.filter === undefined ? [] : groups.filter.split(',').map((word) => word.trim());
  const unknown = wanted.find((word) => !filters.includes(word));
  if (unknown !== undefined)
    throw new Error(`${what}: invalid filter: ${JSON.stringify(unknown)} in ${JSON.stringify(source)}`);
  return {
    tag: groups.tag ?? '',
    name: groups.name ?? '',
    options: groups.options ?? '',
    datacenter: groups.datacenter ?? '',
    near: groups.near ?? '',
    filters: wanted,
  };
}
