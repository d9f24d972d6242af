import type { EncodedAnswer } from './encoded-answer.ts';
import { limits } from './limits.ts';

/**
 * Encoded answers by question, dropped when what they depend on changes. Bounded by number and bytes; the oldest goes
 * first (no order of use is kept: it would cost more on each hit than making a rare answer again).
 */
export class AnswerCache {
  readonly #answers = new Map<string, EncodedAnswer>();
  readonly #byService = new Map<string, Set<string>>();
  readonly #byNode = new Map<string, Set<string>>();
  readonly #byTraffic = new Map<string, Set<string>>();
  #bytes = 0;

  get size(): number {
    return this.#answers.size;
  }

  get(key: string): EncodedAnswer | undefined {
    return this.#answers.get(key);
  }

  /** Keeps the answer, unless it says that it is not to be kept. */
  put(key: string, answer: EncodedAnswer): void {
    if (answer.dependsOn === undefined || answer.bytes > limits.cacheBytes) return;
    this.#remove(key);
    while (this.#answers.size >= limits.cacheEntries || this.#bytes + answer.bytes > limits.cacheBytes) {
      const oldest = this.#answers.keys().next();
      if (oldest.done === true) break;
      this.#remove(oldest.value);
    }
    this.#answers.set(key, answer);
    this.#bytes += answer.bytes;
    for (const service of answer.dependsOn.services) link(this.#byService, service, key);
    for (const node of answer.dependsOn.nodes) link(this.#byNode, node, key);
    for (const name of answer.dependsOn.traffic ?? []) link(this.#byTraffic, name, key);
  }

  /** Forgets what was said about a service, by its lower-case name. */
  dropService(foldedName: string): void {
    for (const key of this.#byService.get(foldedName) ?? []) this.#remove(key);
  }

  dropNode(name: string): void {
    for (const key of this.#byNode.get(name) ?? []) this.#remove(key);
  }

  /** Forgets what was said upon a cluster of the traffic model, or (`anyRule`) upon rules. */
  dropTraffic(name: string): void {
    for (const key of this.#byTraffic.get(name) ?? []) this.#remove(key);
  }

  #remove(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= answer.bytes;
    for (const service of answer.dependsOn?.services ?? []) unlink(this.#byService, service, key);
    for (const node of answer.dependsOn?.nodes ?? []) unlink(this.#byNode, node, key);
    for (const name of answer.dependsOn?.traffic ?? []) unlink(this.#byTraffic, name, key);
  }
}

function link(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys === undefined) index.set(name, new Set([key]));
  else keys.add(key);
}

function unlink(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
