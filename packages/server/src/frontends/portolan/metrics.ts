import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from '../../contract.ts';
import type { Census } from './census.ts';

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Stops counting. */
  close(): void;
}

/** What this server says about itself. No label holds a name from the network, so that the number of series never grows. */
export function createMetrics(
  { engine, identity }: Context,
  census: Census,
  diagnostics: () => number,
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('portolan_revision', 'Revision of the newest change.', () => engine.view.revision);
  gauge('portolan_nodes', 'Nodes in the catalog.', () => census.counts().nodes);
  gauge('portolan_services', 'Services in the catalog.', () => census.counts().services);
  gauge('portolan_instances', 'Instances in the catalog.', () => census.counts().instances);
  gauge('portolan_leases', 'Leases on the timer wheel of this node.', () => engine.leases.size);
  gauge('portolan_diagnostics', 'Things that could not be done as asked.', diagnostics);
  gauge('portolan_stale', '1 while the store cannot be reached, else 0.', () => (engine.view.stale ? 1 : 0));
  new Gauge({
    name: 'portolan_checks',
    help: 'Checks by status.',
    labelNames: ['status'],
    registers,
    collect() {
      for (const [status, count] of Object.entries(census.counts().checks)) this.set({ status }, count);
    },
  });
  const { version, node, datacenter } = identity;
  new Gauge({
    name: 'portolan_info',
    help: 'Which server this is; always 1.',
    labelNames: ['version', 'node', 'datacenter'],
    registers,
  }).set({ version, node, datacenter }, 1);
  const changes = new Counter({ name: 'portolan_changes_total', help: 'Committed changes.', registers });
  const unsubscribe = engine.subscribe(() => changes.inc());

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      unsubscribe();
      registry.clear();
    },
  };
}
