/**
 * Go's `text/template` as a tree. Every node knows where it stands, for errors.
 * Source: https://pkg.go.dev/text/template
 */
export type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'action'; readonly pipe: Pipe }
  | Branch
  | { readonly type: 'template'; readonly name: string; readonly pipe: Pipe | undefined; readonly at: Place }
  | { readonly type: 'break' }
  | { readonly type: 'continue' };

export interface Branch {
  readonly type: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** `$a, $b := f x | g`. The value of each command is the last argument of the next one. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` changes variables that exist; `:=` declares them. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  readonly at: Place;
}

/** An operand and its arguments. */
export interface Command {
  readonly operands: readonly Operand[];
  readonly at: Place;
}

export type Operand =
  | { readonly type: 'dot'; readonly at: Place }
  | { readonly type: 'nil'; readonly at: Place }
  | { readonly type: 'constant'; readonly value: Constant; readonly at: Place }
  /** `.A.B` */
  | { readonly type: 'field'; readonly names: readonly string[]; readonly at: Place }
  /** `$x.A.B`; `$` alone is the data the template was given. */
  | {
      readonly type: 'variable';
      readonly variable: string;
      readonly names: readonly string[];
      readonly at: Place;
    }
  | { readonly type: 'function'; readonly name: string; readonly at: Place }
  | { readonly type: 'pipe'; readonly pipe: Pipe; readonly at: Place }
  /** `(…).A.B` */
  | { readonly type: 'chain'; readonly base: Operand; readonly names: readonly string[]; readonly at: Place };

export type Constant =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number };

export interface Place {
  readonly line: number;
  readonly column: number;
  /** The text there, for messages. */
  readonly text: string;
}

/** A parsed text: its own body and every template that it defines. */
export interface ParsedTemplate {
  readonly name: string;
  readonly body: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}
