import { addressRules } from '@portolan/core/base/address-rules.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import {
  type CheckDefinition,
  type CheckRecord,
  type Entry,
  type Health,
  keyOf,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import type { Logger } from 'pino';
import type { Engine, HealthReports, Identity, Part } from '../contract.ts';
import { type ActiveTime, createActiveTime } from './active-time.ts';
import { Aliases, judgeAlias } from './alias.ts';
import { defaultTimeoutMs, type HealthConfig } from './config.ts';
import type { Dialer } from './dial.ts';
import { removeInstance, sameCheck, setStatus } from './intents.ts';
import { cutOutput, output } from './output.ts';
import type { ProbeResult } from './probe.ts';
import { ProbeLoop, ProbeTask } from './probe-loop.ts';
import { type AskingProbe, proberOf } from './prober.ts';
import { type Lookup, Resolver } from './resolve.ts';
import { StatusWriter } from './status-writer.ts';
import { judge, noStreak, type Streak } from './threshold.ts';

/** How often instances are looked at that were critical for too long, and how long a failed removal waits. */
const reapEveryMs = 1_000;
const reapAgainMs = 5_000;

export interface HealthOptions {
  readonly engine: Engine;
  readonly identity: Pick<Identity, 'node'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How names are resolved; default: by the system. */
  readonly lookup?: Lookup;
}

/**
 * Runs every check that came through this node and has a definition, and writes a status when it changes. Follows the catalog:
 * at the start all of it, then change by change. Throws a `Fault` when `config` makes no sense.
 */
export function createHealth(options: HealthOptions, config: HealthConfig): Part & HealthReports {
  return new HealthService(options, config);
}

/** A check as it runs here. */
interface Running {
  readonly key: string;
  /** As last published. */
  record: CheckRecord;
  readonly definition: CheckDefinition;
  readonly task: ProbeTask | undefined;
  streak: Streak;
  /** The newest, where it is newer than the record's. */
  output: string | undefined;
  /** What we last asked to be written: another status in the record is somebody else's doing. */
  wanted: Health | undefined;
  /** In active time; undefined while it is not critical. */
  criticalSinceMs: number | undefined;
  reapNotBeforeMs: number;
}

class HealthService implements Part, HealthReports {
  readonly name = 'health';
  readonly #options: HealthOptions;
  readonly #config: HealthConfig;
  readonly #time: ActiveTime;
  readonly #loop: ProbeLoop;
  readonly #writer: StatusWriter;
  readonly #dialer: Dialer;
  readonly #checks = new Map<string, Running>();
  readonly #aliases = new Aliases<Running>();
  /** Critical, and to be deregistered for it some time. */
  readonly #doomed = new Set<Running>();
  #reapAtMs = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(options: HealthOptions, config: HealthConfig) {
    const { clock, random } = options;
    this.#options = options;
    this.#config = config;
    this.#time = createActiveTime(clock);
    this.#loop = new ProbeLoop({ time: this.#time, random, maxRunning: config.maxRunning });
    this.#writer = new StatusWriter(options);
    this.#dialer = {
      rules: addressRules(config.denyCidrs, config.allowCidrs),
      resolver: new Resolver(clock, options.lookup),
      ...(config.caPem === undefined ? {} : { caPem: config.caPem }),
    };
  }

  start(): Promise<void> {
    const { engine } = this.#options;
    this.#unsubscribe = engine.subscribe((delta) => this.#follow(delta));
    for (const entry of engine.view.catalog.checks()) {
      const running = this.#take(entry);
      if (running?.task !== undefined) this.#loop.add(running.task);
    }
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#unsubscribe?.();
    for (const running of this.#checks.values()) this.#drop(running);
    this.#time.stop();
    const deadline = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(deadlineMs, deadline.resolve);
    await Promise.race([this.#writer.stop(), deadline.promise]);
    cancel();
  }

  readiness(): readonly string[] {
    const { waiting } = this.#writer;
    return waiting === 0 ? [] : [`the statuses of ${waiting} checks could not be written yet`];
  }

  async report(node: string, checkId: string, status: Health, text: string): Promise<void> {
    const key = keyOf.check(node, checkId);
    const running = this.#checks.get(key);
    if (running === undefined || running.definition.probe.type !== 'ttl') throw this.#noTtl(node, checkId);
    const { engine } = this.#options;
    running.output = cutOutput(text);
    if (!engine.leases.renew(key)) this.#grant(running);
    if (running.record.status === status && !this.#writer.has(key)) return;
    this.#writer.forget(key);
    running.wanted = status;
    await engine.submit(setStatus(running.record, status, running.output));
  }

  outputOf(node: string, checkId: string): string | undefined {
    return this.#checks.get(keyOf.check(node, checkId))?.output;
  }

  #noTtl(node: string, checkId: string): Fault {
    const exists = this.#options.engine.view.catalog.check(node, checkId) !== undefined;
    return exists
      ? new Fault('invalid', `CheckID "${checkId}" does not have associated TTL`)
      : new Fault('not-found', `Unknown check ID "${checkId}"`);
  }

  #follow(delta: CatalogDelta): void {
    for (const { node, id, after } of delta.checks) {
      const running = this.#checks.get(keyOf.check(node, id));
      if (running !== undefined && after !== undefined && sameCheck(running.record, after.record)) {
        this.#update(running, after.record);
        continue;
      }
      if (running !== undefined) this.#drop(running);
      const taken = after === undefined ? undefined : this.#take(after);
      if (taken?.task !== undefined) this.#loop.soon(taken.task);
    }
    this.#aliases.touch(delta.nodes);
  }

  /** Starts to run a check, if it is ours. Its first probe is for the caller to set. */
  #take({ record }: Entry<CheckRecord>): Running | undefined {
    const { definition } = record;
    if (definition === undefined || record.origin.node !== this.#options.identity.node) return undefined;
    const { probe } = definition;
    const running: Running = {
      key: recordKey(record),
      record,
      definition,
      task:
        probe.type === 'ttl' || probe.type === 'alias'
          ? undefined
          : this.#task(probe, definition, (result) => this.#judge(running, result)),
      streak: noStreak,
      output: undefined,
      wanted: undefined,
      criticalSinceMs: undefined,
      reapNotBeforeMs: 0,
    };
    this.#time.start((nowMs) => this.#tick(nowMs));
    this.#checks.set(running.key, running);
    if (probe.type === 'ttl') this.#grant(running);
    if (probe.type === 'alias') this.#aliases.add(running, probe.node === '' ? record.node : probe.node);
    this.#noteStatus(running);
    return running;
  }

  #task(probe: AskingProbe, definition: CheckDefinition, onResult: (result: ProbeResult) => void): ProbeTask {
    const intervalMs = Math.max(definition.intervalMs, this.#config.minIntervalMs);
    const asked = definition.timeoutMs > 0 ? definition.timeoutMs : Math.min(defaultTimeoutMs, intervalMs);
    const timeoutMs = Math.min(asked, this.#config.maxTimeoutMs);
    return new ProbeTask(proberOf(probe, this.#dialer), { intervalMs, timeoutMs }, onResult);
  }

  #drop(running: Running): void {
    this.#checks.delete(running.key);
    this.#doomed.delete(running);
    this.#writer.forget(running.key);
    if (running.task !== undefined) this.#loop.remove(running.task);
    else if (running.definition.probe.type === 'alias') this.#aliases.remove(running);
    else this.#options.engine.leases.revoke(running.key);
  }

  /** The same check has a new record: our own write, or somebody registered it again. */
  #update(running: Running, record: CheckRecord): void {
    const foreign = record.status !== running.record.status && record.status !== running.wanted;
    running.record = record;
    this.#noteStatus(running);
    if (!foreign) return;
    running.output = undefined;
    running.wanted = undefined;
    if (running.task !== undefined) this.#loop.soon(running.task);
    else if (running.definition.probe.type === 'alias') this.#aliases.again(running);
    else if (!this.#options.engine.leases.renew(running.key)) this.#grant(running);
  }

  #noteStatus(running: Running): void {
    if (running.record.status !== 'critical') {
      running.criticalSinceMs = undefined;
      this.#doomed.delete(running);
    } else if (running.criticalSinceMs === undefined) {
      running.criticalSinceMs = this.#time.nowMs();
      if (running.definition.deregisterAfterMs > 0 && running.record.instance !== undefined) {
        this.#doomed.add(running);
      }
    }
  }

  #judge(running: Running, result: ProbeResult): void {
    const { streak, status } = judge(running.streak, result.status, running.definition);
    running.streak = streak;
    running.output = result.output;
    if (status !== undefined) this.#want(running, status, result.output);
    // The first result is worth a write of its own: without it nobody could read why a check has never passed.
    else if (running.record.output === '' && result.output !== '' && !this.#writer.has(running.key)) {
      this.#writer.want(running.record, running.record.status, result.output);
    }
  }

  #want(running: Running, status: Health, text: string): void {
    const firstOutput = running.record.output === '' && text !== '';
    if (running.record.status === status && !firstOutput && !this.#writer.has(running.key)) return;
    running.wanted = status;
    this.#writer.want(running.record, status, text);
  }

  /** A fresh deadline, also at the start: nobody expires because the server was away. */
  #grant(running: Running): void {
    const { probe } = running.definition;
    if (probe.type !== 'ttl') return;
    this.#options.engine.leases.grant(running.key, probe.ttlMs, () => {
      if (running.record.status === 'critical' && !this.#writer.has(running.key)) return;
      running.output = output.ttlExpired(running.output ?? running.record.output);
      this.#want(running, 'critical', running.output);
    });
  }

  /** Known from the catalog, not asked: thresholds have no meaning. */
  #judgeAlias(running: Running): void {
    const { probe } = running.definition;
    if (probe.type !== 'alias') return;
    const result = judgeAlias(this.#options.engine.view.catalog, running.record, probe);
    running.output = result.output;
    this.#want(running, result.status, result.output);
  }

  #tick(nowMs: number): void {
    this.#loop.advanceTo(nowMs);
    this.#aliases.advanceTo(nowMs, (alias) => this.#judgeAlias(alias));
    if (nowMs >= this.#reapAtMs) {
      this.#reapAtMs = nowMs + reapEveryMs;
      this.#reap(nowMs);
    }
    if (this.#checks.size === 0) this.#time.stop();
  }

  #reap(nowMs: number): void {
    for (const running of this.#doomed) {
      const { criticalSinceMs, definition, reapNotBeforeMs } = running;
      if (criticalSinceMs === undefined || nowMs < reapNotBeforeMs) continue;
      if (nowMs - criticalSinceMs < definition.deregisterAfterMs) continue;
      running.reapNotBeforeMs = nowMs + reapAgainMs;
      this.#removeInstance(running);
    }
  }

  #removeInstance({ key, record, definition }: Running): void {
    const { engine, log } = this.#options;
    engine.submit(removeInstance(record)).then(
      (removed) => {
        if (!removed) return;
        log.info(
          { check: key, instance: record.instance, afterMs: definition.deregisterAfterMs },
          'deregistered an instance that was critical for too long',
        );
      },
      (error: unknown) =>
        log.warn({ err: error, check: key }, 'an instance that is critical for too long stays'),
    );
  }
}
