/** Plain data as YAML: block style, every text that is not plainly a word in JSON's quotes, which YAML 1.2 reads as JSON does. */
export function renderYaml(value: unknown): string {
  return `${lines(value, '').join('\n')}\n`;
}

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${indent}[]`];
    return value.flatMap((item) => nested(item, `${indent}- `, `${indent}  `));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.length === 0) return [`${indent}{}`];
    return entries.flatMap(([key, item]) =>
      isBlock(item)
        ? [`${indent}${scalar(key)}:`, ...lines(item, `${indent}  `)]
        : [`${indent}${scalar(key)}: ${flow(item)}`],
    );
  }
  return [indent + scalar(value)];
}

/** An item of a list begins on the line of its dash. */
function nested(item: unknown, first: string, rest: string): string[] {
  if (!isBlock(item)) return [first + flow(item)];
  const block = lines(item, rest);
  return block.map((line, at) => (at === 0 ? first + line.slice(rest.length) : line));
}

function isBlock(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((item) => item !== undefined);
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return '[]';
  return typeof value === 'object' && value !== null ? '{}' : scalar(value);
}

const plainWord = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
/** Words that YAML 1.1 or 1.2 readers take for something else than text. */
const taken = /^(?:null|true|false|yes|no|on|off|y|n|nan|inf)$/i;

function scalar(value: unknown): string {
  if (typeof value === 'string' && plainWord.test(value) && !taken.test(value)) return value;
  return JSON.stringify(value) ?? 'null';
}
