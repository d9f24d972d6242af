import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import { ownerOf } from '../run/accounts.ts';
import { parseHcl } from '../run/hcl.ts';
import { noWait, plainTemplate, type TemplateSpec } from '../run/template-spec.ts';
import { mergeConfigs, type TemplateConfig, type TemplateEntry } from './config.ts';
import { configFromObject } from './from-object.ts';

/** A configuration file, or every one in a folder in order of name. Throws a `Fault` that begins with the file's path. */
export function loadConfig(path: string): TemplateConfig {
  const files = statOf(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => ['.hcl', '.json', '.conf'].includes(extname(name)))
        .sort()
        .map((name) => join(path, name))
    : [path];
  return mergeConfigs(files.map(loadFile));
}

function loadFile(path: string): TemplateConfig {
  const source = readText(path);
  try {
    return configFromObject(source.trimStart().startsWith('{') ? JSON.parse(source) : parseHcl(path, source));
  } catch (thrown) {
    const fault = Fault.from(thrown);
    const message = fault.message.startsWith(path) ? fault.message : `${path}: ${fault.message}`;
    throw new Fault('invalid', message, { cause: thrown });
  }
}

/** The templates with their texts read and every default filled in. Throws a `Fault` for a source that cannot be read. */
export function templateSpecs(config: TemplateConfig): readonly TemplateSpec[] {
  const delimiters =
    config.leftDelimiter === undefined && config.rightDelimiter === undefined
      ? undefined
      : { left: config.leftDelimiter ?? '{{', right: config.rightDelimiter ?? '}}' };
  const defaults = {
    ...plainTemplate,
    wait: config.wait ?? noWait,
    errorFatal: config.errorFatal ?? plainTemplate.errorFatal,
    delimiters,
  };
  return config.templates.map((entry) => spec(entry, defaults));
}

function spec(
  entry: TemplateEntry,
  defaults: Omit<TemplateSpec, 'name' | 'text' | 'destination'>,
): TemplateSpec {
  const { source, contents, user, group, ...rest } = entry;
  const text = contents ?? readText(source ?? '');
  return { ...defaults, ...rest, name: source ?? '(contents)', text, owner: ownerOf(user, group) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new Fault('not-found', `cannot read ${path}: ${Fault.from(thrown).message}`, { cause: thrown });
  }
}

function statOf(path: string): { isDirectory(): boolean } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Fault('not-found', `cannot read ${path}: there is no such file`);
  return found;
}
