import type { NodeRecord } from '@portolan/core/catalog/records.ts';
import type { Name } from './message.ts';
import { isName } from './writer.ts';
import type { Zone } from './zone.ts';

/** `text` as a name, or undefined when it cannot be one. Characters beyond ASCII travel as UTF-8, as service names do. */
export function nameOf(text: string): Name | undefined {
  const labels = bytesOf(text.replace(/\.$/, '')).split('.');
  return isName(labels) ? labels : undefined;
}

/** Text as a string with one character for each of its UTF-8 bytes. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The other way, in lower case: how a label of a question is compared with names of the catalog. */
export function foldedText(label: string): string {
  return Buffer.from(label, 'latin1').toString('utf8').toLowerCase();
}

/** Names that every resolver takes as a host's. */
const hostLike = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** `<node>.node.<datacenter>.<domain>`, or undefined when the node's name cannot stand in a name. */
export function nodeName(node: NodeRecord, zone: Zone, domain: Name): Name | undefined {
  const datacenter = node.datacenter === '' ? zone.datacenter : node.datacenter.toLowerCase();
  return below(node.name, ['node', datacenter, ...domain]);
}

/** `<service>.service.<datacenter>.<domain>`, likewise. */
export function serviceName(service: string, zone: Zone, domain: Name): Name | undefined {
  return below(service, ['service', zone.datacenter, ...domain]);
}

function below(text: string, parent: Name): Name | undefined {
  if (!hostLike.test(text)) return undefined;
  const name = [...text.split('.'), ...parent];
  return isName(name) ? name : undefined;
}
