import type { TemplateFunction } from '../language/builtins.ts';
import { count, text } from './arguments.ts';

/** A file that a template asks for beside its own. */
export interface FileRequest {
  readonly path: string;
  /** Names or numbers; '' leaves them as they are. */
  readonly user: string;
  readonly group: string;
  readonly mode: number;
  readonly content: string;
  readonly append: boolean;
}

/** `writeToFile PATH USER GROUP PERMISSIONS [FLAGS] CONTENT`; the flags are `append` and `newline`. */
export function writeToFile(write: ((request: FileRequest) => void) | undefined): TemplateFunction {
  return (...args) => {
    count(args, 5, 6);
    if (write === undefined) throw new Error('writeToFile: not allowed here');
    const words = args.map(text);
    const [path = '', user = '', group = '', permissions = ''] = words;
    const flags = words.length === 6 ? (words[4] ?? '').split(',') : [];
    if (!/^0?[0-7]{1,4}$/.test(permissions))
      throw new Error(`writeToFile: ${JSON.stringify(permissions)} are no permission bits such as 0644`);
    const content = (words.at(-1) ?? '') + (flags.includes('newline') ? '\n' : '');
    write({
      path,
      user,
      group,
      mode: Number.parseInt(permissions, 8),
      content,
      append: flags.includes('append'),
    });
    return '';
  };
}
