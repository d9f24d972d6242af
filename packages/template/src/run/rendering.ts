import type { DataReader, Query } from '../data/query.ts';
import { templateFunctions } from '../functions/functions.ts';
import type { Machine } from '../functions/machine.ts';
import { compileTemplate, type Template } from '../language/execute.ts';
import type { Value } from '../language/values.ts';
import type { TemplateSpec } from './template-spec.ts';

/** What one rendering gave. */
export interface Rendered {
  readonly text: string;
  /** Keys of every query that was used. */
  readonly used: ReadonlySet<string>;
  /** Keys of those that have no value yet: the text is not final. */
  readonly missing: ReadonlySet<string>;
}

/** A template that can be rendered again and again. Throws a `TemplateError` if it does not parse. */
export function prepare(spec: TemplateSpec, machine: Machine): (data: DataReader) => Rendered {
  const nothing: DataReader = { recall: () => undefined };
  const template: Template = compileTemplate(spec.name, spec.text, {
    functions: templateFunctions(nothing, machine, spec.deniedFunctions),
    missingKey: spec.missingKey,
    ...(spec.delimiters === undefined ? {} : { delimiters: spec.delimiters }),
  });
  return (data) => render(template, spec, machine, data);
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
  const text = template.render(null, templateFunctions(noting, machine, spec.deniedFunctions));
  return { text, used, missing };
}
