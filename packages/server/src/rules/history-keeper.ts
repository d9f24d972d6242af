import type { Draft } from '@portolan/core/catalog/draft.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import { recordKey } from '@portolan/core/catalog/records.ts';
import type { Context, Part } from '../contract.ts';

/** Of all kept versions together, manifests as JSON: they are held in memory too. */
export const maxHistoryChars = 32 * 1024 * 1024;

/** What a version costs besides its manifest. */
const versionOverheadChars = 512;

/** Rules change in bursts; until then the history may be larger than it should be. */
const trimAfterMs = 10_000;

/** Trimmed at once: what is over that waits for the next time, so that no commit is long. */
const maxTrimmed = 1_000;

/**
 * Keeps the history of rules within `maxHistoryChars` in all: the oldest versions go first, whichever rule's they are. That no rule has
 * more than its twenty is `write.ts`' own matter.
 */
export function historyKeeper({ engine, clock, log }: Pick<Context, 'engine' | 'clock' | 'log'>): Part {
  let cancel: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();
  let unsubscribe = (): void => {};
  const stopped = new AbortController();

  function later(): void {
    if (stopped.signal.aborted) return;
    cancel ??= clock.after(trimAfterMs, () => {
      cancel = undefined;
      running = trim();
    });
  }

  async function trim(): Promise<void> {
    if (surplusOf(engine.view.catalog) <= 0) return;
    try {
      const trimmed = await engine.submit((draft) => trimHistory(draft));
      log.info({ trimmed }, 'the oldest versions of rules were dropped: the history is full');
      later();
    } catch (error) {
      log.warn({ err: error }, 'the history of rules could not be trimmed');
    }
  }

  return {
    name: 'rule-history',
    async start() {
      unsubscribe = engine.subscribe((delta) => {
        if (delta.rules) later();
      });
      later();
    },
    async stop() {
      stopped.abort();
      unsubscribe();
      cancel?.();
      await running;
    },
  };
}

function surplusOf(catalog: Pick<CatalogReader, 'ruleVersions'>): number {
  let chars = 0;
  for (const { record } of catalog.ruleVersions()) chars += record.size + versionOverheadChars;
  return chars - maxHistoryChars;
}

/** Drops the oldest versions until the rest fits; returns how many. */
export function trimHistory(
  draft: Pick<Draft, 'ruleVersions' | 'delete'>,
  maxChars = maxHistoryChars,
): number {
  let surplus = surplusOf(draft) + maxHistoryChars - maxChars;
  if (surplus <= 0) return 0;
  const oldest = [...draft.ruleVersions()].sort((left, right) => left.createRevision - right.createRevision);
  let dropped = 0;
  for (const { record } of oldest) {
    if (surplus <= 0 || dropped === maxTrimmed) break;
    draft.delete(recordKey(record));
    surplus -= record.size + versionOverheadChars;
    dropped += 1;
  }
  return dropped;
}
