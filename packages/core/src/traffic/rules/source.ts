import type { FixedEndpoint } from './contract.ts';
import type { LabelPair } from './instance-labels.ts';

/** Where a cluster's endpoints come from. */
export type EndpointSource =
  | {
      /** Instances of one namespace: those registered under a name, or those with labels, or both. */
      readonly type: 'instances';
      readonly namespace: string;
      readonly service?: string;
      readonly labels: readonly LabelPair[];
      readonly port: PortChoice;
      /** Also those whose checks fail. */
      readonly notReady: boolean;
    }
  | { readonly type: 'fixed'; readonly endpoints: readonly FixedEndpoint[] };

/**
 * Which port of an instance is meant. `registered`: its own, or `otherwise` where it has none. `name`: what the instance says of a port
 * of that name (`portNamed`), else its own.
 */
export type PortChoice =
  | { readonly type: 'registered'; readonly otherwise: number }
  | { readonly type: 'number'; readonly port: number }
  | { readonly type: 'name'; readonly name: string };

/** The same text for what gives the same endpoints. */
export function sourceId(source: EndpointSource): string {
  return JSON.stringify(source);
}

/** Only those that have the labels. */
export function narrowed(source: EndpointSource, labels: readonly LabelPair[]): EndpointSource {
  if (labels.length === 0) return source;
  if (source.type === 'instances') return { ...source, labels: [...source.labels, ...labels] };
  const fits = ({ labels: own = {} }: FixedEndpoint): boolean =>
    labels.every(([key, value]) => Object.hasOwn(own, key) && own[key] === value);
  return { type: 'fixed', endpoints: source.endpoints.filter(fits) };
}
