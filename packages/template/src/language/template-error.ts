import { Fault } from '@portolan/core/base/fault.ts';
import type { Place } from './tree.ts';

/** What is wrong with a template, or went wrong as it ran; the message begins as Go's does: `template: NAME:LINE:COLUMN: …`. */
export class TemplateError extends Fault {
  readonly template: string;
  readonly place: Place;

  constructor(template: string, place: Place, problem: string, cause?: unknown) {
    super('invalid', `template: ${template}:${place.line}:${place.column}: ${problem}`, { cause });
    this.name = 'TemplateError';
    this.template = template;
    this.place = place;
  }
}
