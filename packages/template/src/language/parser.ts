import { charLiteral, numberLiteral, stringLiteral } from './literals.ts';
import { TemplateError } from './template-error.ts';
import { type Delimiters, goDelimiters, type Token, tokenise } from './tokens.ts';
import type { Branch, Command, Node, Operand, ParsedTemplate, Pipe, Place } from './tree.ts';

/** Nested blocks and parentheses: what the recursive reader and runner hold without harm. */
const maxDepth = 200;

/**
 * Parses a template. `isFunction` says which names are functions: Go resolves them while parsing. Throws a `TemplateError`
 * for anything that Go's parser refuses.
 */
export function parseTemplate(
  name: string,
  source: string,
  isFunction: (name: string) => boolean,
  delimiters: Delimiters = goDelimiters,
): ParsedTemplate {
  return new Parser(name, tokenise(name, source, delimiters), isFunction).template();
}

type Ending = 'end' | 'else' | 'eof';

class Parser {
  readonly #name: string;
  readonly #tokens: readonly Token[];
  readonly #isFunction: (name: string) => boolean;
  readonly #defined = new Map<string, readonly Node[]>();
  /** Variables in force; `$` is always the first. */
  #variables: string[] = ['$'];
  #next = 0;
  #depth = 0;
  #ranges = 0;

  constructor(name: string, tokens: readonly Token[], isFunction: (name: string) => boolean) {
    this.#name = name;
    this.#tokens = tokens;
    this.#isFunction = isFunction;
  }

  template(): ParsedTemplate {
    const { nodes, ending, at } = this.#list(true);
    if (ending !== 'eof') throw this.#error(at, `unexpected {{${ending}}}`);
    return { name: this.#name, body: nodes, defined: this.#defined };
  }

  /** Nodes until `{{end}}`, `{{else…}}` or the end of the text; for `else` the tokens after the word are still to come. */
  #list(top: boolean): { nodes: readonly Node[]; ending: Ending; at: Place } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#take();
      if (token.type === 'text') nodes.push({ type: 'text', text: token.text });
      else if (token.type === 'end') return { nodes, ending: 'eof', at: token.at };
      else {
        this.#skipSpace();
        const word = this.#peek();
        if (word.type === 'word' && (word.text === 'end' || word.text === 'else')) {
          this.#take();
          if (word.text === 'end') this.#close('end');
          return { nodes, ending: word.text, at: word.at };
        }
        const node = this.#action(top);
        if (node !== undefined) nodes.push(...node);
      }
    }
  }

  #action(top: boolean): readonly Node[] | undefined {
    const token = this.#peek();
    if (token.type !== 'word') return [this.#pipeAction()];
    switch (token.text) {
      case 'if':
      case 'with':
      case 'range':
        this.#take();
        return [this.#branch(token.text, token.at)];
      case 'define':
        this.#take();
        if (!top) throw this.#error(token.at, 'unexpected {{define}}');
        this.#define(token.at);
        return undefined;
      case 'block':
        this.#take();
        return [this.#block(token.at)];
      case 'template':
        this.#take();
        return [this.#invocation(token.at)];
      case 'break':
      case 'continue':
        return [this.#jump(token.text)];
      default:
        return [this.#pipeAction()];
    }
  }

  #pipeAction(): Node {
    const pipe = this.#pipe('command', true);
    this.#close('command');
    return { type: 'action', pipe };
  }

  #jump(word: 'break' | 'continue'): Node {
    const token = this.#take();
    if (this.#ranges === 0) throw this.#error(token.at, `{{${word}}} outside {{range}}`);
    this.#close(word);
    return { type: word };
  }

  #branch(type: Branch['type'], at: Place): Branch {
    this.#enter(at);
    const known = this.#variables.length;
    const pipe = this.#pipe(type, true, type === 'range');
    this.#close(type);
    if (type === 'range') this.#ranges++;
    const { nodes: body, ending, at: endAt } = this.#list(false);
    if (type === 'range') this.#ranges--;
    let otherwise: readonly Node[] = [];
    if (ending === 'eof')
      throw this.#error(endAt, `unexpected EOF: {{${type}}} of line ${at.line} is not closed`);
    if (ending === 'else') otherwise = this.#else(type, at);
    this.#variables.length = known;
    this.#depth--;
    return { type, pipe, body, otherwise };
  }

  /** `{{else}} … {{end}}`, or `{{else if …}}` and `{{else with …}}`, which share the one `{{end}}`. */
  #else(type: Branch['type'], at: Place): readonly Node[] {
    this.#skipSpace();
    const word = this.#peek();
    const chained = type !== 'range' && word.type === 'word' && word.text === type;
    if (chained) {
      this.#take();
      return [this.#branch(type, word.at)];
    }
    this.#close('else');
    const { nodes, ending, at: endAt } = this.#list(false);
    if (ending !== 'end') {
      throw this.#error(
        endAt,
        ending === 'else'
          ? 'expected end; found {{else}}'
          : `unexpected EOF: {{${type}}} of line ${at.line} is not closed`,
      );
    }
    return nodes;
  }

  #define(at: Place): void {
    const name = this.#templateName('define');
    this.#close('define');
    this.#record(name, this.#separateBody(at, 'define'), at);
  }

  #block(at: Place): Node {
    const name = this.#templateName('block');
    const pipe = this.#pipe('block', false);
    this.#close('block');
    this.#record(name, this.#separateBody(at, 'block'), at);
    return { type: 'template', name, pipe, at };
  }

  #record(name: string, body: readonly Node[], at: Place): void {
    if (this.#defined.has(name))
      throw this.#error(at, `multiple definition of template ${JSON.stringify(name)}`);
    this.#defined.set(name, body);
  }

  /** The body of another template: it sees none of this one's variables. */
  #separateBody(at: Place, what: string): readonly Node[] {
    this.#enter(at);
    const variables = this.#variables;
    const ranges = this.#ranges;
    this.#variables = ['$'];
    this.#ranges = 0;
    const { nodes, ending, at: endAt } = this.#list(false);
    if (ending !== 'end')
      throw this.#error(endAt, `unexpected ${ending === 'eof' ? 'EOF' : '{{else}}'} in ${what} clause`);
    this.#variables = variables;
    this.#ranges = ranges;
    this.#depth--;
    return nodes;
  }

  #invocation(at: Place): Node {
    const name = this.#templateName('template clause');
    this.#skipSpace();
    const pipe = this.#peek().type === 'close' ? undefined : this.#pipe('template clause', true);
    this.#close('template clause');
    return { type: 'template', name, pipe, at };
  }

  #templateName(context: string): string {
    this.#skipSpace();
    const token = this.#take();
    const name = token.type === 'string' ? stringLiteral(token.text) : undefined;
    if (name === undefined) throw this.#unexpected(token, context);
    return name;
  }

  #pipe(context: string, maySet: boolean, isRange = false): Pipe {
    this.#skipSpace();
    const at = this.#peek().at;
    const { variables, assigns } = maySet
      ? this.#declarations(context, isRange)
      : { variables: [], assigns: false };
    const commands: Command[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      const ends = token.type === 'close' || (token.type === 'sign' && token.text === ')');
      if (ends) {
        if (commands.length === 0) throw this.#error(token.at, `missing value for ${context}`);
        this.#checkPipeline(commands);
        // A variable is in force only after its own pipeline.
        if (!assigns) this.#variables.push(...variables);
        return { variables, assigns, commands, at };
      }
      commands.push(this.#command(context));
    }
  }

  /** Only the first command of a pipeline may be no function: the others are given an argument. */
  #checkPipeline(commands: readonly Command[]): void {
    for (const command of commands.slice(1)) {
      const type = command.operands[0]?.type;
      if (type === 'constant' || type === 'dot' || type === 'nil') {
        throw this.#error(
          command.at,
          `non executable command in pipeline stage ${commands.indexOf(command) + 1}`,
        );
      }
    }
  }

  #declarations(context: string, isRange: boolean): { variables: readonly string[]; assigns: boolean } {
    const start = this.#next;
    const variables: string[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      if (token.type !== 'variable') break;
      this.#take();
      this.#skipSpace();
      const sign = this.#peek();
      if (sign.type === 'sign' && (sign.text === ':=' || sign.text === '=')) {
        this.#take();
        variables.push(token.text);
        const assigns = sign.text === '=';
        if (assigns) for (const name of variables) this.#checkVariable(name, token.at);
        if (variables.length > 2 || (variables.length === 2 && !isRange)) {
          throw this.#error(token.at, `too many declarations in ${context}`);
        }
        return { variables, assigns };
      }
      if (sign.type === 'sign' && sign.text === ',' && isRange && variables.length === 0) {
        this.#take();
        variables.push(token.text);
        continue;
      }
      break;
    }
    this.#next = start;
    return { variables: [], assigns: false };
  }

  #command(context: string): Command {
    const operands: Operand[] = [];
    const at = this.#peek().at;
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      if (token.type === 'close' || (token.type === 'sign' && token.text === ')')) break;
      if (token.type === 'sign' && token.text === '|') {
        this.#take();
        this.#skipSpace();
        const after = this.#peek();
        if (after.type === 'close' || (after.type === 'sign' && after.text === ')')) {
          throw this.#error(token.at, `missing value for ${context}`);
        }
        break;
      }
      operands.push(this.#operand(context));
      const next = this.#peek();
      const separated =
        next.type === 'space' ||
        next.type === 'close' ||
        (next.type === 'sign' && (next.text === '|' || next.text === ')'));
      if (!separated) throw this.#unexpected(next, context);
    }
    if (operands.length === 0) throw this.#error(at, 'empty command');
    return { operands, at };
  }

  #operand(context: string): Operand {
    const base = this.#term(context);
    const names: string[] = [];
    while (this.#peek().type === 'field') names.push(this.#take().text.slice(1));
    if (names.length === 0) return base;
    switch (base.type) {
      case 'field':
      case 'variable':
        return { ...base, names: [...base.names, ...names], at: base.at };
      case 'pipe':
      case 'function':
        return { type: 'chain', base, names, at: base.at };
      default:
        throw this.#error(base.at, `unexpected . after term ${JSON.stringify(base.at.text)}`);
    }
  }

  #term(context: string): Operand {
    const token = this.#take();
    const { at } = token;
    switch (token.type) {
      case 'dot':
        return { type: 'dot', at };
      case 'field':
        return { type: 'field', names: [token.text.slice(1)], at };
      case 'variable':
        this.#checkVariable(token.text, at);
        return { type: 'variable', variable: token.text, names: [], at };
      case 'word':
        return this.#word(token.text, at);
      case 'string': {
        const value = stringLiteral(token.text);
        if (value === undefined) throw this.#error(at, `bad string syntax: ${token.text}`);
        return { type: 'constant', value: { kind: 'string', value }, at };
      }
      case 'char': {
        const value = charLiteral(token.text);
        if (value === undefined) throw this.#error(at, `malformed character constant: ${token.text}`);
        return { type: 'constant', value: { kind: 'int', value }, at };
      }
      case 'number': {
        const value = numberLiteral(token.text);
        if (value === undefined) throw this.#error(at, `bad number syntax: ${JSON.stringify(token.text)}`);
        return { type: 'constant', value, at };
      }
      case 'sign':
        if (token.text === '(') return this.#parenthesis(at);
        throw this.#unexpected(token, context);
      default:
        throw this.#unexpected(token, context);
    }
  }

  #word(word: string, at: Place): Operand {
    if (word === 'true' || word === 'false')
      return { type: 'constant', value: { kind: 'bool', value: word === 'true' }, at };
    if (word === 'nil') return { type: 'nil', at };
    if (!this.#isFunction(word)) throw this.#error(at, `function ${JSON.stringify(word)} not defined`);
    return { type: 'function', name: word, at };
  }

  #parenthesis(at: Place): Operand {
    this.#enter(at);
    const pipe = this.#pipe('parenthesized pipeline', true);
    this.#take();
    this.#depth--;
    return { type: 'pipe', pipe, at };
  }

  #checkVariable(name: string, at: Place): void {
    if (!this.#variables.includes(name)) throw this.#error(at, `undefined variable ${JSON.stringify(name)}`);
  }

  #enter(at: Place): void {
    if (++this.#depth > maxDepth) throw this.#error(at, `nested deeper than ${maxDepth}`);
  }

  #close(context: string): void {
    this.#skipSpace();
    const token = this.#take();
    if (token.type !== 'close') throw this.#unexpected(token, context);
  }

  #skipSpace(): void {
    while (this.#peek().type === 'space') this.#next++;
  }

  #peek(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined)
      throw new TemplateError(this.#name, { line: 1, column: 0, text: '' }, 'unexpected EOF');
    return token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #unexpected(token: Token, context: string): TemplateError {
    const found = token.type === 'end' ? 'EOF' : JSON.stringify(token.text);
    return this.#error(token.at, `unexpected ${found} in ${context}`);
  }

  #error(at: Place, message: string): TemplateError {
    return new TemplateError(this.#name, at, message);
  }
}
