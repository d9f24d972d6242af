/** What is wrong, or worth knowing, in a manifest. */
export interface Problem {
  /** `error`: the resource is not taken. */
  readonly severity: 'error' | 'warning' | 'info';
  /** Stable, kebab-case: `unknown-field`, `wrong-type`, `bad-host` … */
  readonly code: string;
  /** Completes the sentence that begins with the path: `must be a whole number from 1 to 65535, not "http"`. */
  readonly message: string;
  /** What to write instead. */
  readonly suggestion?: string;
  /** In the document: `spec.rules[0].http.paths[1].backend.service.port`; absent: the document as a whole. */
  readonly path?: string;
  readonly file?: string;
  /** From 1; absent where the text is not known. */
  readonly line?: number;
  readonly column?: number;
}

export type PathPart = string | number;

/** A document may be one key, which each path below it would repeat. */
const maxKeyChars = 100;

function shortened(key: string): string {
  return key.length > maxKeyChars ? `${key.slice(0, maxKeyChars)}…` : key;
}

const plainKey = /^[A-Za-z_$][\w$-]*$/;

/** `spec.rules[0].host`; keys that are no plain words in brackets and quotes: `data["tls.crt"]`. */
export function pathText(path: readonly PathPart[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!plainKey.test(part) || part.length > maxKeyChars)
      text += `[${JSON.stringify(shortened(part))}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** `web.yaml:12:7: error: spec.rules[0].host must be …; write …` */
export function problemText(problem: Problem): string {
  const { file, line, column, severity, path, message, suggestion } = problem;
  const place = line === undefined ? file : `${file ?? ''}:${line}:${column ?? 1}`;
  const what = path === undefined ? message : `${path} ${message}`;
  return `${place === undefined ? '' : `${place}: `}${severity}: ${what}${suggestion === undefined ? '' : `; ${suggestion}`}`;
}
