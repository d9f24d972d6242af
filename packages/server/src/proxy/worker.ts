// One worker process of the data plane: started by the supervisor (`gateway.ts`), which gives it its sockets.

import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { FileAccessLog } from './access-log.ts';
import { DataPlane } from './data-plane.ts';
import { readModelFile } from './model-file.ts';
import { RequestSample } from './request-sample.ts';
import type { WorkerReport } from './stats.ts';
import { toldSeldom } from './told-seldom.ts';
import { SpanExporter } from './tracing/exporter.ts';
import { Tracer } from './tracing/tracer.ts';
import { TrafficStream } from './traffic-stream.ts';
import type { WorkerCommand, WorkerEvent, WorkerSettings } from './worker-protocol.ts';
import { WorkerSockets } from './worker-sockets.ts';

const clock: Clock = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

process.title = 'portolan gateway worker';

interface Running {
  readonly settings: WorkerSettings;
  readonly plane: DataPlane;
  readonly stream: TrafficStream;
  readonly sockets: WorkerSockets;
  readonly spans: SpanExporter | undefined;
  readonly sample: RequestSample;
}

/** A control plane that is there has sent the model by then; without one, the last model on disk serves. */
const modelPatienceMs = 2_000;

/** Who sends spans, in OpenTelemetry's terms. */
const resource = { 'service.name': 'portolan-gateway', 'process.pid': String(process.pid) };

/** A supervisor that was killed is replaced by then, if anybody replaces it. */
const successorPatienceMs = 15_000;
const successorLookMs = 100;
const supervisor = process.ppid;

let running: Running | undefined;
let draining = false;
let drainUntilMs = Number.POSITIVE_INFINITY;

process.on('message', (command: WorkerCommand, handle: unknown) => obey(command, handle));
process.on('disconnect', outlive);
// The supervisor decides: a Ctrl-C in a terminal reaches the whole process group.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

function obey(command: WorkerCommand, handle: unknown): void {
  switch (command.type) {
    case 'configure':
      running = start(command.settings);
      return;
    case 'listen':
      void running?.sockets.listen(command.id, command.door, handle).then((error) => {
        tell({ type: 'listening', id: command.id, error });
      });
      return;
    case 'unlisten':
      running?.sockets.unlisten(command.id);
      return;
    case 'ticket-secret':
      running?.plane.useTicketSecret(Buffer.from(command.secret, 'base64'));
      return;
    case 'servers':
      running?.stream.useServers(command.servers);
      return;
    case 'watch':
      if (running !== undefined) watch(running, command.on);
      return;
    case 'report':
      if (running !== undefined) tell({ type: 'report', id: command.id, report: reportOf(running) });
      return;
    case 'drain':
      drain(command.deadlineMs);
  }
}

function start(settings: WorkerSettings): Running {
  const { limits, trustedPeers, accessLog, accessLogFormat, modelFile, servers, tracing, workers } = settings;
  const { tokenFile, zone } = settings;
  const random = Math.random;
  const spans = tracing === undefined ? undefined : new SpanExporter({ url: tracing.url, clock, resource });
  const plane = new DataPlane({
    ...{ clock, random, limits, trustedPeers, workers, zone },
    ...(tracing === undefined || spans === undefined
      ? {}
      : { tracer: new Tracer({ clock, random, ratio: tracing.ratio, exporter: spans }) }),
    ticketSecret: Buffer.from(settings.ticketSecret, 'base64'),
    accessLog: accessLog === undefined ? undefined : new FileAccessLog(accessLog, clock, accessLogFormat),
  });
  let ready = false;
  const take = (message: TrafficMessage): void => {
    plane.apply(message);
    if (ready) return;
    ready = true;
    tell({ type: 'ready' });
    flushCompileCache();
  };
  const fallBack = (): void => {
    const last = ready ? undefined : readModelFile(modelFile);
    if (last !== undefined) take(last);
  };
  clock.after(modelPatienceMs, fallBack);
  const complain = toldSeldom(clock, (message) => tell({ type: 'trouble', message }));
  const stream = new TrafficStream({
    ...{ servers, tokenFile, clock, random, onMessage: take },
    onTrouble(fault) {
      fallBack();
      complain(`the traffic stream broke: ${fault.message}`);
    },
  });
  const sample = new RequestSample(clock, (lines) => tell({ type: 'requests', lines }));
  const started = { settings, plane, stream, sockets: new WorkerSockets(plane), spans, sample };
  if (settings.watched) watch(started, true);
  return started;
}

function watch({ plane, sample }: Running, on: boolean): void {
  plane.watchRequests(on ? (entry) => sample.take(entry) : undefined);
}

function reportOf({ plane, spans }: Running): WorkerReport {
  return { ...plane.report(), spans: { exported: spans?.exported ?? 0, dropped: spans?.dropped ?? 0 } };
}

/**
 * Without its supervisor nobody can drain it or tell it anything. It serves on until another process has the sockets, or none comes; then it
 * finishes what is under way.
 */
function outlive(): void {
  const untilMs = clock.monotonicMs() + successorPatienceMs;
  const look = (): void => {
    if (draining) return;
    const waits = ownerOf(running?.settings.ownerFile) === supervisor && clock.monotonicMs() < untilMs;
    if (waits) clock.after(successorLookMs, look);
    else drain(running?.settings.limits.drainMs ?? 0);
  };
  look();
}

function ownerOf(file: string | undefined): number | undefined {
  try {
    return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as { pid?: number }).pid;
  } catch {
    return undefined;
  }
}

/**
 * Connections at rest get a while in which their client may still use them once; the answer then says that it is the last. Called again with
 * less time, it hurries.
 */
function drain(deadlineMs: number): void {
  const nowMs = clock.monotonicMs();
  drainUntilMs = Math.min(drainUntilMs, nowMs + deadlineMs);
  if (draining) return;
  draining = true;
  if (running === undefined) process.exit(0);
  const { plane, stream, spans } = running;
  const idleUntilMs = nowMs + Math.min(1_000, deadlineMs / 4);
  plane.beginDrain();
  stream.stop();
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= Math.min(idleUntilMs, drainUntilMs)) plane.endIdle();
    if (plane.openConnections === 0 || nowMs >= drainUntilMs) finish(plane, spans);
    else clock.after(50, look);
  };
  look();
}

function finish(plane: DataPlane, spans: SpanExporter | undefined): void {
  plane.close();
  spans?.close();
  // The access log's last lines and spans are on their way; `exit` follows by itself when nothing is left, or at the latest then.
  clock.after(100, () => process.exit(0));
  if (process.connected) process.disconnect();
}

function tell(event: WorkerEvent): void {
  if (process.connected) process.send?.(event);
}
