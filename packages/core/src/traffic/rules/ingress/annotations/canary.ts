import { regexProblem } from '../regex.ts';
import type { AnnotationGroup } from './draft.ts';

/** `canary`, `canary-weight`, `canary-weight-total`, `canary-by-header`, `-value`, `-pattern`, `canary-by-cookie`, `affinity-canary-behavior`. */
export const canaryAnnotations: AnnotationGroup = (read, draft) => {
  const isCanary = read.flag('canary') ?? false;
  const weight = read.whole('canary-weight') ?? 0;
  const total = read.whole('canary-weight-total', 1) ?? 100;
  const name = read.text('canary-by-header')?.toLowerCase();
  const value = read.text('canary-by-header-value');
  const pattern = read.text('canary-by-header-pattern');
  const cookie = read.text('canary-by-cookie');
  const behaviour = read.choice('affinity-canary-behavior', ['sticky', 'legacy']);
  if (!isCanary) return;
  if (weight > total) {
    const message = `${weight} is more than the whole, ${total}: all go to the canary`;
    read.report('warning', 'annotation-invalid', 'canary-weight', message);
  }
  const problem = value === undefined && pattern !== undefined ? regexProblem(pattern) : undefined;
  if (problem !== undefined) read.report('error', 'annotation-invalid', 'canary-by-header-pattern', problem);
  const header = {
    name: name ?? '',
    ...(value === undefined ? {} : { value }),
    ...(value !== undefined || pattern === undefined ? {} : { pattern }),
  };
  draft.canary = {
    ...(name === undefined || problem !== undefined ? {} : { header }),
    ...(cookie === undefined ? {} : { cookie }),
    weight,
    total,
    legacyAffinity: behaviour === 'legacy',
  };
};
