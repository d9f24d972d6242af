import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileTemplate } from '../language/execute.ts';
import { TemplateError } from '../language/template-error.ts';
import { templateFunctions } from './functions.ts';

interface Golden {
  readonly source: string;
  readonly output?: string;
  readonly error?: string;
}

/** What consul-template's own functions make of each case, with no registry, HOME=/root and EMPTY=. */
const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'),
);

const nothing = { recall: () => undefined };
const machine = {
  environment: { HOME: '/root', EMPTY: '' },
  wallMs: () => 1_577_934_245_000,
  readFile: () => '',
};

for (const { source, output, error } of golden) {
  test(`as consul-template does: ${source}`, () => {
    const functions = templateFunctions(nothing, machine);
    const render = (): string => compileTemplate('', source, { functions }).render(null, functions);
    if (error === undefined) assert.equal(render(), output ?? '');
    else assert.throws(render, TemplateError);
  });
}
