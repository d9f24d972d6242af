import { readLimits } from './limits.ts';
import type { PathPart, Problem } from './problem.ts';

/** A problem while its place is still a path of parts. */
export interface FoundProblem extends Omit<Problem, 'path' | 'file' | 'line' | 'column'> {
  readonly at: readonly PathPart[];
}

/** The problems of one resource. */
export class Findings {
  readonly list: FoundProblem[] = [];
  errors = 0;

  add(problem: FoundProblem): void {
    if (problem.severity === 'error') this.errors += 1;
    // An error is never left out for a warning that came first.
    if (this.list.length < readLimits.maxProblems || (this.errors === 1 && problem.severity === 'error')) {
      this.list.push(problem);
    }
  }
}

/** A place in a document, while it is looked at. */
export class At {
  readonly #findings: Findings;
  readonly #parent: At | undefined;
  readonly #part: PathPart;

  constructor(findings: Findings, parent?: At, part: PathPart = '') {
    this.#findings = findings;
    this.#parent = parent;
    this.#part = part;
  }

  in(...parts: readonly PathPart[]): At {
    let at: At = this;
    for (const part of parts) at = new At(this.#findings, at, part);
    return at;
  }

  get path(): readonly PathPart[] {
    const parts: PathPart[] = [];
    for (let at: At = this; at.#parent !== undefined; at = at.#parent) parts.push(at.#part);
    return parts.reverse();
  }

  get errors(): number {
    return this.#findings.errors;
  }

  /** Nobody hears of what is still found: no need to think about what to say. */
  get isFull(): boolean {
    return this.#findings.list.length >= readLimits.maxProblems;
  }

  error(code: string, message: string, suggestion?: string): void {
    this.#report('error', code, message, suggestion);
  }

  warn(code: string, message: string, suggestion?: string): void {
    this.#report('warning', code, message, suggestion);
  }

  info(code: string, message: string, suggestion?: string): void {
    this.#report('info', code, message, suggestion);
  }

  #report(severity: Problem['severity'], code: string, message: string, suggestion?: string): void {
    this.#findings.add({
      severity,
      code,
      message,
      at: this.path,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}
