import type { NamedMatch, RouteMatch, TextMatch } from '@portolan/core/traffic/model.ts';
import { block, type Directive, directive, text, variable } from './nginx-writer.ts';
import { escaped, isPlainRegex, isSayable } from './path-regex.ts';

/** What else than the path a route asks for, as variables that are `1` where it holds. */
export interface Conditions {
  /** Numbers of the conditions that must hold; undefined: something is asked for that nginx cannot tell. */
  of(match: RouteMatch): readonly number[] | undefined;
  readonly count: number;
}

/** Methods are tokens (RFC 9110 §9.1); no other octet is let into the file. */
const token = /^[A-Za-z0-9-]{1,32}$/;
const fieldName = /^[a-z0-9-]{1,100}$/;

/** Makes a `map` for each condition, once for those that are the same. `define` takes the directives and gives a variable's name for each. */
export function createConditions(define: (make: (name: string) => Directive) => string): {
  readonly conditions: Conditions;
  readonly variables: readonly string[];
} {
  const variables: string[] = [];
  const known = new Map<string, number>();

  function condition(key: string, make: (name: string) => Directive): number {
    let number = known.get(key);
    if (number === undefined) {
      number = variables.push(define(make)) - 1;
      known.set(key, number);
    }
    return number;
  }

  function ofMethods(methods: readonly string[]): number | undefined {
    if (!methods.every((method) => token.test(method))) return undefined;
    return condition(`methods ${[...methods].sort().join(' ')}`, (name) =>
      mapOf(
        'request_method',
        name,
        methods.map((method) => regexLine(`^${escaped(method)}\\z`)),
        false,
      ),
    );
  }

  function ofHeader(match: NamedMatch): number | undefined {
    const pattern = textPattern(match);
    if (!fieldName.test(match.name) || pattern === undefined) return undefined;
    const source = `http_${match.name.replaceAll('-', '_')}`;
    const invert = match.invert === true;
    return condition(`${source} ${invert} ${pattern}`, (name) =>
      mapOf(source, name, [regexLine(pattern, invert)], invert),
    );
  }

  return {
    variables,
    conditions: {
      get count() {
        return variables.length;
      },
      of({ methods, headers = [], query, cookies, sources }) {
        if ((query?.length ?? 0) + (cookies?.length ?? 0) + (sources?.length ?? 0) > 0) return undefined;
        const numbers: number[] = [];
        for (const number of [
          ...(methods === undefined ? [] : [ofMethods(methods)]),
          ...headers.map(ofHeader),
        ]) {
          if (number === undefined) return undefined;
          numbers.push(number);
        }
        return numbers;
      },
    },
  };
}

function regexLine(pattern: string, invert = false): Directive {
  return directive(`~${pattern}`, invert ? '0' : '1');
}

function mapOf(source: string, name: string, lines: readonly Directive[], invert: boolean): Directive {
  return block(
    'map',
    [variable(source), variable(name)],
    [directive('default', text(invert ? '1' : '0')), ...lines],
  );
}

/** Undefined: it cannot be said. A header that is absent is empty: `present` needs something in it. */
function textPattern({ type, value, ignoreCase }: TextMatch): string | undefined {
  if (!isSayable(value)) return undefined;
  const flag = ignoreCase === true ? '(?i)' : '';
  switch (type) {
    case 'exact':
      return `${flag}^${escaped(value)}\\z`;
    case 'prefix':
      return `${flag}^${escaped(value)}`;
    case 'suffix':
      return `${flag}${escaped(value)}\\z`;
    case 'contains':
      return `${flag}${escaped(value)}`;
    case 'regex':
      return isPlainRegex(value) ? `${flag}^(?:${value})\\z` : undefined;
    case 'present':
      return '.';
  }
}
