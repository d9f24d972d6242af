import { Fault } from '@portolan/core/base/fault.ts';
import type { TemplateConfig } from '@portolan/template/config/config.ts';
import { configFromObject } from '@portolan/template/config/from-object.ts';
import { z } from 'zod';

/** The path of a configuration of consul-template's, or the templates themselves; undefined: there are none. */
export type TemplatesSetting = { readonly file: string } | { readonly config: TemplateConfig } | undefined;

/** The setting `templates`: text is a path, a list holds templates. */
export const templatesSchema = z
  .union([z.string(), z.array(z.unknown())], {
    error: 'must be a list of templates, or the path of a configuration file',
  })
  .transform((given, context): TemplatesSetting => {
    if (typeof given === 'string') return given === '' ? undefined : { file: given };
    try {
      return { config: configFromObject({ template: given }) };
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: Fault.from(thrown).message });
      return z.NEVER;
    }
  });
