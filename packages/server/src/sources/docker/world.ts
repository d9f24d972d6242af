import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import { type InstanceRecord, type RecordKey, recordKey } from '@portolan/core/catalog/records.ts';
import { exitedCheck } from './check.ts';
import type { Container } from './container.ts';
import { asksToEnd } from './event.ts';
import type { ContainerNews } from './inbox.ts';
import { dialect, type Owned, type Records } from './intents.ts';
import { limits } from './limits.ts';
import { sharedNetworkOf } from './ports.ts';
import { containerField, type Place, type Registration, startedField, translate } from './translate.ts';

/** One container, as far as it is known. */
interface Known {
  /** Undefined: it is there, and could not be read yet. */
  readonly container: Container | undefined;
  registrations: readonly Registration[];
  problems: readonly string[];
  /** What `registrations` were made of. */
  madeOf: { readonly networkOwner: Container | undefined; readonly stopping: boolean } | undefined;
}

/** A container was told to stop. */
interface Stopping {
  /** In which of its runs. */
  readonly startedAt: string;
  /** Monotonic. */
  readonly sinceMs: number;
}

export interface WantedRecords {
  readonly records: Records;
  readonly problems: readonly Problem[];
}

/** What was left out and why. */
export interface Problem {
  /** The container's name. */
  readonly container: string;
  readonly message: string;
}

/**
 * The containers of one engine as they were last read, and the records that follow from them. Everything is computed from what
 * is, never from what happened; the one thing that an engine does not tell afterwards is that a container was told to stop.
 */
export class World {
  readonly #place: Place;
  readonly #known = new Map<string, Known>();
  readonly #stopping = new Map<string, Stopping>();

  constructor(place: Place) {
    this.#place = place;
  }

  get size(): number {
    return this.#known.size;
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  ids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Takes over what the catalog holds of containers that were read before this process started. */
  adopt(catalog: CatalogReader, nowMs: number): void {
    for (const { record } of catalog.instancesOnNode(this.#place.node)) {
      const id = extraText(record, containerField);
      const { dialect: theirs, source } = record.origin;
      if (theirs !== dialect || this.#place.config.others.has(source)) continue;
      if (id === '' || this.#known.get(id)?.container) continue;
      const checks = Array.from(catalog.checksOfInstance(record), (entry) => entry.record).filter(
        (check) => check.origin.dialect === dialect,
      );
      const registrations = [...(this.#known.get(id)?.registrations ?? []), { instance: record, checks }];
      this.#known.set(id, { container: undefined, registrations, problems: [], madeOf: undefined });
      const startedAt = extraText(record, startedField);
      if (record.adminState === 'draining') this.#stopping.set(id, { startedAt, sinceMs: nowMs });
    }
  }

  /** A container as it was just read. */
  read(container: Container): void {
    if (this.#stopping.get(container.id)?.startedAt !== container.startedAt) {
      this.#stopping.delete(container.id);
    }
    if (container.state !== 'stopped') {
      this.#known.set(container.id, { container, registrations: [], problems: [], madeOf: undefined });
      return;
    }
    this.#stopping.delete(container.id);
    const before = this.#known.get(container.id);
    if (before === undefined || !this.#outlivesItsEnd(container)) this.forget(container.id);
    else this.#known.set(container.id, keptThoughEnded(before, container, this.#place));
  }

  /** It is there, and could not be read: what is known of it stays. */
  unread(id: string): void {
    if (this.#known.has(id)) return;
    this.#known.set(id, { container: undefined, registrations: [], problems: [], madeOf: undefined });
  }

  forget(id: string): void {
    this.#known.delete(id);
    this.#stopping.delete(id);
  }

  /** What events told. Call it after the container was read. */
  note(id: string, { signal, renewed }: ContainerNews, nowMs: number): void {
    if (renewed) this.#stopping.delete(id);
    const container = this.#known.get(id)?.container;
    if (signal === undefined || container === undefined || container.state === 'stopped') return;
    if (asksToEnd(signal, container.stopSignal) && !this.#stopping.has(id)) {
      this.#stopping.set(id, { startedAt: container.startedAt, sinceMs: nowMs });
    }
  }

  /** Takes back that containers stop which were told so too long ago. Their names. */
  forgetOverdueStops(nowMs: number): readonly string[] {
    const overdue = [...this.#stopping].filter(([, { sinceMs }]) => nowMs - sinceMs >= limits.maxStoppingMs);
    for (const [id] of overdue) this.#stopping.delete(id);
    return overdue.map(([id]) => this.#known.get(id)?.container?.name ?? id);
  }

  /** What the catalog should hold. Of two containers that want one ID the older one has it. */
  wanted(): WantedRecords {
    const records = new Map<RecordKey, Owned>();
    const problems: Problem[] = [];
    const holders = new Map<string, string>();
    for (const [id, known] of this.#inOrder()) {
      this.#translate(id, known);
      const name = known.container?.name ?? id.slice(0, 12);
      problems.push(...known.problems.map((message) => ({ container: name, message })));
      for (const { instance, checks } of known.registrations) {
        const holder = holders.get(instance.id);
        if (holder === undefined) {
          holders.set(instance.id, name);
          for (const record of [instance, ...checks]) records.set(recordKey(record), record);
        } else {
          const message = `ID "${instance.id}" is not registered: container ${holder} has it already`;
          problems.push({ container: name, message });
        }
      }
    }
    return { records, problems };
  }

  #inOrder(): readonly (readonly [string, Known])[] {
    const created = (known: Known): string => known.container?.created ?? '';
    return [...this.#known].sort(
      ([leftId, left], [rightId, right]) =>
        compare(created(left), created(right)) || compare(leftId, rightId),
    );
  }

  #translate(id: string, known: Known): void {
    const { container, madeOf } = known;
    if (container === undefined || container.state === 'stopped') return;
    const shared = sharedNetworkOf(container);
    const networkOwner = shared === undefined ? undefined : this.#known.get(shared)?.container;
    const stopping = this.#stopping.has(id);
    if (madeOf?.stopping === stopping && madeOf.networkOwner === networkOwner) return;
    known.madeOf = { networkOwner, stopping };
    const { registrations, problems } = translate(container, this.#place, known.madeOf);
    known.registrations = registrations;
    known.problems = problems;
  }

  /** Registrator's `-deregister on-success`: an end by a signal is a success too. */
  #outlivesItsEnd({ exitCode }: Container): boolean {
    return this.#place.config.deregister === 'on-success' && exitCode !== 0 && (exitCode & 128) === 0;
  }
}

/** What it had registered stays, in service for whoever insists, and critical for all others. */
function keptThoughEnded(before: Known, container: Container, place: Place): Known {
  const registrations = before.registrations.map(({ instance, checks }) => {
    const { namespace, service, id } = instance;
    const exited = exitedCheck({ namespace, service, id }, place, container.exitCode);
    const others = checks.filter((check) => check.id !== exited.id);
    return {
      instance: { ...instance, adminState: 'in-service' as const, adminReason: '' },
      checks: [...others, exited],
    };
  });
  return { container, registrations, problems: [], madeOf: undefined };
}

function extraText(instance: InstanceRecord, field: string): string {
  const value = instance.extra?.[field];
  return typeof value === 'string' ? value : '';
}

function compare(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}
