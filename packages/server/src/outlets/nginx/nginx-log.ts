/** A line of nginx' error log without its date and process: `[emerg] bind() to … failed`. */
export function withoutProcess(line: string): string {
  return line.replace(/^.*?(\[\w+\]) (?:\d+#\d+: )?/, '$1 ');
}
