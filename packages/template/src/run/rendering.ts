import type { DataReader, Query } from '../data/query.ts';
import { templateFunctions } from '../functions/functions.ts';
import type { Machine } from '../functions/machine.ts';
import type { FileRequest } from '../functions/write-to-file.ts';
import { compileTemplate, type Template } from '../language/execute.ts';
import type { Value } from '../language/values.ts';
import { sandboxed } from './sandbox.ts';
import type { TemplateSpec } from './template-spec.ts';

/** What one rendering gave. */
export interface Rendered {
  readonly text: string;
  /** Keys of every query that was used. */
  readonly used: ReadonlySet<string>;
  /** Keys of those that have no value yet: the text is not final. */
  readonly missing: ReadonlySet<string>;
  /** What it asked for beside its own text. */
  readonly files: readonly FileRequest[];
}

/** A template that can be rendered again and again. Throws a `TemplateError` if it does not parse. */
export function prepare(spec: TemplateSpec, machine: Machine): (data: DataReader) => Rendered {
  const nothing: DataReader = { recall: () => undefined };
  const template: Template = compileTemplate(spec.name, spec.text, {
    functions: templateFunctions(nothing, machine, spec.deniedFunctions),
    missingKey: spec.missingKey,
    ...(spec.delimiters === undefined ? {} : { delimiters: spec.delimiters }),
  });
  const reach = spec.sandboxPath === undefined ? machine : sandboxed(machine, spec.sandboxPath);
  return (data) => render(template, spec, reach, data);
}

function render(template: Template, spec: TemplateSpec, machine: Machine, data: DataReader): Rendered {
  const used = new Set<string>();
  const missing = new Set<string>();
  const noting: DataReader = {
    recall(query: Query): Value | undefined {
      const value = data.recall(query);
      used.add(query.key);
      if (value === undefined) missing.add(query.key);
      return value;
    },
  };
  const files: FileRequest[] = [];
  const reach: Machine = withWriting(machine, files);
  const text = template.render(null, templateFunctions(noting, reach, spec.deniedFunctions));
  return { text, used, missing, files };
}

function withWriting(machine: Machine, files: FileRequest[]): Machine {
  return {
    environment: machine.environment,
    wallMs: () => machine.wallMs(),
    readFile: (path) => machine.readFile(path),
    ...(machine.timeZone === undefined ? {} : { timeZone: machine.timeZone }),
    writeFile: (file) => files.push(file),
  };
}
