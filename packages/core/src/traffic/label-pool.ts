import { type Labels, labels } from '../base/labels.ts';
import type { InstanceRecord } from '../catalog/records.ts';

/** Makes the labels of instances, the same object for those that have the same. */
export interface LabelPool {
  /** One flat map, whatever the dialect calls them: metadata as it is, a tag as `tag.NAME`. */
  labelsOf(record: InstanceRecord): Labels;
}

interface Made {
  readonly metadata: Labels;
  readonly tags: readonly string[];
  readonly labels: Labels;
}

/** The instances of a service come in a few kinds: versions, zones. More are not looked for. */
const maxKinds = 8;

/** For the instances of one service: a map of its own for each of 100,000 instances would cost more than all else about them. */
export function createLabelPool(): LabelPool {
  const kinds: Made[] = [];
  let next = 0;
  return {
    labelsOf(record) {
      if (record.tags.length === 0) return record.metadata;
      for (const kind of kinds) {
        if (sameTags(kind.tags, record.tags) && sameLabels(kind.metadata, record.metadata))
          return kind.labels;
      }
      const made = { metadata: record.metadata, tags: record.tags, labels: flatLabels(record) };
      kinds[next] = made;
      next = (next + 1) % maxKinds;
      return made.labels;
    },
  };
}

function flatLabels({ metadata, tags }: InstanceRecord): Labels {
  return labels([...Object.entries(metadata), ...tags.map((tag) => [`tag.${tag}`, 'true'] as const)]);
}

export function sameLabels(left: Labels, right: Labels): boolean {
  if (left === right) return true;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}

function sameTags(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((tag, index) => tag === right[index]);
}
