import { Fault } from '@portolan/core/base/fault.ts';
import { builtins, type TemplateFunction } from './builtins.ts';
import { formatValue } from './format.ts';
import { parseTemplate } from './parser.ts';
import { TemplateError } from './template-error.ts';
import type { Delimiters } from './tokens.ts';
import type { Branch, Command, Node, Operand, ParsedTemplate, Pipe, Place } from './tree.ts';
import { Float, GoMap, isTrue, Struct, typeName, type Value } from './values.ts';

export interface TemplateOptions {
  readonly functions?: ReadonlyMap<string, TemplateFunction>;
  readonly delimiters?: Delimiters;
  /** What a missing key of a map of anything gives: Go's `missingkey` option. Default `default`: `<no value>`. */
  readonly missingKey?: 'default' | 'error';
}

export interface Template {
  readonly name: string;
  /**
   * The text for `data`. `functions` stand in for those that the template was compiled with, under the same names. Throws a
   * `TemplateError`.
   */
  render(data: Value, functions?: ReadonlyMap<string, TemplateFunction>): string;
}

/** More templates inside each other than Go allows. */
const maxTemplateDepth = 1000;
/** A rendered text beyond this is stopped: 64 Mi characters. */
const maxOutputLength = 64 * 1024 * 1024;

/** Parses `source`; the template can be rendered any number of times. Throws a `TemplateError`. */
export function compileTemplate(name: string, source: string, options: TemplateOptions = {}): Template {
  const declared = options.functions ?? noFunctions;
  const isFunction = (word: string): boolean =>
    builtins.has(word) || declared.has(word) || runnerFunctions.includes(word);
  const parsed = parseTemplate(name, source, isFunction, options.delimiters);
  return {
    name,
    render: (data, functions = declared) =>
      new Run(parsed, functions, options.missingKey ?? 'default').render(data),
  };
}

const noFunctions: ReadonlyMap<string, TemplateFunction> = new Map();
/** These need the runner itself: the first two stop early, the third is consul-template's, and runs another template. */
const runnerFunctions: readonly string[] = ['and', 'or', 'executeTemplate'];

/** What a list of nodes asks of the range around it. */
type Flow = 'on' | 'break' | 'continue';

/** `undefined` is Go's invalid value: a missing key; it prints as `<no value>`. */
type Result = Value | undefined;

interface Variable {
  readonly name: string;
  value: Result;
}

class Run {
  readonly #template: ParsedTemplate;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #missingKey: 'default' | 'error';
  #variables: Variable[] = [];
  #text = '';
  #depth = 0;

  constructor(
    template: ParsedTemplate,
    functions: ReadonlyMap<string, TemplateFunction>,
    missingKey: 'default' | 'error',
  ) {
    this.#template = template;
    this.#functions = functions;
    this.#missingKey = missingKey;
  }

  render(data: Value): string {
    this.#variables = [{ name: '$', value: data }];
    try {
      this.#list(this.#template.body, data);
    } catch (thrown) {
      // Data nested too deep for the stack, or a text too long for one string.
      if (!(thrown instanceof RangeError)) throw thrown;
      throw this.#error({ line: 1, column: 0, text: '' }, thrown.message, thrown);
    }
    return this.#text;
  }

  #list(nodes: readonly Node[], dot: Result): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== 'on') return flow;
    }
    return 'on';
  }

  #node(node: Node, dot: Result): Flow {
    switch (node.type) {
      case 'text':
        this.#write(node.text, undefined);
        return 'on';
      case 'action': {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#write(printed(value), node.pipe.at);
        return 'on';
      }
      case 'if':
      case 'with':
        return this.#conditional(node, dot);
      case 'range':
        return this.#range(node, dot);
      case 'template':
        this.#invoke(node.name, node.pipe, node.at, dot);
        return 'on';
      case 'break':
      case 'continue':
        return node.type;
    }
  }

  #write(text: string, at: Place | undefined): void {
    this.#text += text;
    if (this.#text.length <= maxOutputLength) return;
    throw this.#error(
      at ?? { line: 0, column: 0, text: '' },
      `more than ${maxOutputLength} characters of output`,
    );
  }

  #conditional(branch: Branch, dot: Result): Flow {
    const known = this.#variables.length;
    const value = this.#pipe(branch.pipe, dot);
    const flow = isTrue(value)
      ? this.#list(branch.body, branch.type === 'with' ? value : dot)
      : this.#list(branch.otherwise, dot);
    this.#variables.length = known;
    return flow;
  }

  #range(branch: Branch, dot: Result): Flow {
    const known = this.#variables.length;
    const value = this.#rangeValue(branch.pipe, dot);
    const members = this.#members(value, branch.pipe.at);
    const flow = members.length === 0 ? this.#list(branch.otherwise, dot) : this.#iterate(branch, members);
    this.#variables.length = known;
    return flow;
  }

  #iterate(branch: Branch, members: readonly (readonly [Value, Value])[]): Flow {
    const known = this.#variables.length;
    for (const [key, item] of members) {
      this.#bindRange(branch.pipe, key, item);
      const flow = this.#list(branch.body, item);
      this.#variables.length = known;
      if (flow === 'break') break;
    }
    return 'on';
  }

  #bindRange(pipe: Pipe, key: Value, item: Value): void {
    const [first, second] = pipe.variables;
    if (first === undefined) return;
    const bind = (name: string, value: Value): void => {
      if (pipe.assigns) this.#assign(name, value);
      else this.#variables.push({ name, value });
    };
    if (second === undefined) bind(first, item);
    else {
      bind(first, key);
      bind(second, item);
    }
  }

  /** A range's variables are bound to its members, not to its pipeline's value. */
  #rangeValue(pipe: Pipe, dot: Result): Result {
    return this.#pipe({ ...pipe, variables: [] }, dot);
  }

  #members(value: Result, at: Place): readonly (readonly [Value, Value])[] {
    if (value === null || value === undefined) return [];
    if (value instanceof GoMap) return value.sorted();
    if (Array.isArray(value)) return value.map((item, position) => [position, item] as const);
    if (typeof value === 'number') return this.#count(value, at);
    throw this.#error(at, `range can't iterate over ${formatValue(value)}`);
  }

  #count(count: number, at: Place): readonly (readonly [Value, Value])[] {
    if (count > maxOutputLength) throw this.#error(at, `range over ${count} is too long`);
    return Array.from({ length: Math.max(0, count) }, (_, position) => [position, position] as const);
  }

  #invoke(name: string, pipe: Pipe | undefined, at: Place, dot: Result): void {
    this.#runTemplate(name, at, () => (pipe === undefined ? null : this.#pipe(pipe, dot)));
  }

  /** `executeTemplate "name" data`: what `{{template}}` would write, as a value. */
  #execute(args: readonly Operand[], dot: Result, final: Final, at: Place): string {
    const values = args.map((arg) => this.#operand(arg, dot));
    if (final !== noFinal) values.push(final.value);
    if (values.length > 2)
      throw this.#error(
        at,
        `executeTemplate: wrong number of arguments, expected 1 or 2, but got ${values.length}`,
      );
    const [name, data = null] = values;
    if (typeof name !== 'string') throw this.#error(at, 'executeTemplate: expected the name of a template');
    const outer = this.#text;
    this.#text = '';
    this.#runTemplate(name, at, () => data);
    const text = this.#text;
    this.#text = outer;
    return text;
  }

  #runTemplate(name: string, at: Place, dataOf: () => Result): void {
    const body =
      this.#template.defined.get(name) ?? (name === this.#template.name ? this.#template.body : undefined);
    if (body === undefined) throw this.#error(at, `template ${JSON.stringify(name)} not defined`);
    if (this.#depth >= maxTemplateDepth)
      throw this.#error(at, `exceeded maximum template depth (${maxTemplateDepth})`);
    const data = dataOf();
    const variables = this.#variables;
    this.#variables = [{ name: '$', value: data }];
    this.#depth++;
    this.#list(body, data);
    this.#depth--;
    this.#variables = variables;
  }

  #pipe(pipe: Pipe, dot: Result): Result {
    let value: Result;
    let first = true;
    for (const command of pipe.commands) {
      value = this.#command(command, dot, first ? noFinal : { value });
      first = false;
    }
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#assign(name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #assign(name: string, value: Result): void {
    const variable = this.#variables.findLast((known) => known.name === name);
    if (variable !== undefined) variable.value = value;
  }

  #command(command: Command, dot: Result, final: Final): Result {
    const [head, ...args] = command.operands;
    if (head === undefined) return undefined;
    switch (head.type) {
      case 'function':
        return this.#function(head.name, args, dot, final, head.at);
      case 'field':
        return this.#fields(dot, head.names, args, dot, final, head.at);
      case 'variable':
        return this.#fields(this.#variable(head.variable), head.names, args, dot, final, head.at);
      case 'chain':
        return this.#fields(this.#operand(head.base, dot), head.names, args, dot, final, head.at);
      default:
        if (args.length > 0 || final !== noFinal) {
          throw this.#error(head.at, `can't give argument to non-function ${head.at.text}`);
        }
        if (head.type === 'nil') throw this.#error(head.at, 'nil is not a command');
        return this.#operand(head, dot);
    }
  }

  #operand(operand: Operand, dot: Result): Result {
    switch (operand.type) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'constant':
        return operand.value.kind === 'float' ? new Float(operand.value.value) : operand.value.value;
      case 'field':
        return this.#fields(dot, operand.names, [], dot, noFinal, operand.at);
      case 'variable':
        return this.#fields(this.#variable(operand.variable), operand.names, [], dot, noFinal, operand.at);
      case 'function':
        return this.#function(operand.name, [], dot, noFinal, operand.at);
      case 'pipe':
        return this.#pipe(operand.pipe, dot);
      case 'chain':
        return this.#fields(this.#operand(operand.base, dot), operand.names, [], dot, noFinal, operand.at);
    }
  }

  #variable(name: string): Result {
    return this.#variables.findLast((known) => known.name === name)?.value;
  }

  #function(name: string, args: readonly Operand[], dot: Result, final: Final, at: Place): Result {
    if (name === 'and' || name === 'or') return this.#shortCircuit(name, args, dot, final, at);
    if (name === 'executeTemplate') return this.#execute(args, dot, final, at);
    const callee = this.#functions.get(name) ?? builtins.get(name);
    if (callee === undefined) throw this.#error(at, `function ${JSON.stringify(name)} not defined`);
    return this.#call(name, callee, args, dot, final, at);
  }

  /** The first argument that decides, and nothing after it is evaluated. */
  #shortCircuit(name: 'and' | 'or', args: readonly Operand[], dot: Result, final: Final, at: Place): Result {
    if (args.length === 0 && final === noFinal)
      throw this.#error(at, `wrong number of args for ${name}: want at least 1 got 0`);
    let value: Result;
    for (const arg of args) {
      value = this.#operand(arg, dot);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return final === noFinal ? value : final.value;
  }

  #call(
    name: string,
    callee: TemplateFunction,
    args: readonly Operand[],
    dot: Result,
    final: Final,
    at: Place,
  ): Result {
    const values = args.map((arg) => this.#operand(arg, dot) ?? null);
    if (final !== noFinal) values.push(final.value ?? null);
    try {
      return callee(...values);
    } catch (thrown) {
      if (thrown instanceof TemplateError || (thrown instanceof Fault && thrown.code !== 'invalid'))
        throw thrown;
      throw this.#error(at, `error calling ${name}: ${Fault.from(thrown).message}`, thrown);
    }
  }

  /** `.A.B args`: only the last name is given arguments. */
  #fields(
    base: Result,
    names: readonly string[],
    args: readonly Operand[],
    dot: Result,
    final: Final,
    at: Place,
  ): Result {
    if (names.length === 0) {
      if (args.length > 0 || final !== noFinal)
        throw this.#error(at, `can't give argument to non-function ${at.text}`);
      return base;
    }
    let value = base;
    names.forEach((name, position) => {
      const last = position === names.length - 1;
      value = this.#field(value, name, last ? args : [], dot, last ? final : noFinal, at);
    });
    return value;
  }

  #field(
    receiver: Result,
    name: string,
    args: readonly Operand[],
    dot: Result,
    final: Final,
    at: Place,
  ): Result {
    // Go lets the first missing key of a chain pass, and complains of a nil value further on.
    if (receiver === undefined) return undefined;
    if (receiver === null) {
      throw this.#error(at, `nil data; no entry for key ${JSON.stringify(name)}`);
    }
    const hasArguments = args.length > 0 || final !== noFinal;
    if (receiver instanceof Struct) {
      const method = receiver.methods.get(name);
      if (method !== undefined) return this.#call(name, method.call, args, dot, final, at);
      if (receiver.fields.has(name)) {
        if (hasArguments) throw this.#error(at, `${name} has arguments but cannot be invoked as function`);
        return receiver.fields.get(name);
      }
    } else if (receiver instanceof GoMap) {
      if (hasArguments) throw this.#error(at, `${name} is not a method but has arguments`);
      const found = receiver.entries.get(name);
      if (found !== undefined) return found;
      if (this.#missingKey === 'error')
        throw this.#error(at, `map has no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    throw this.#error(at, `can't evaluate field ${name} in type ${typeName(receiver)}`);
  }

  #error(at: Place, problem: string, cause?: unknown): TemplateError {
    const name = this.#template.name;
    return new TemplateError(
      name,
      at,
      `executing ${JSON.stringify(name)} at <${at.text}>: ${problem}`,
      cause,
    );
  }
}

/** The value of the command before, if there was one: an `undefined` value is not an absent one. */
type Final = { readonly value: Result };
const noFinal: Final = { value: undefined };

function printed(value: Result): string {
  return value === undefined || value === null ? '<no value>' : formatValue(value);
}
