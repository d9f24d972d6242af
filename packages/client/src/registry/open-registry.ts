import { nodeTransport } from '../http/node-transport.ts';
import { systemClock } from '../system-clock.ts';
import { connectRegistry } from './connection.ts';
import { type Registry, registryOver } from './registry.ts';

/** The registry alone, for tools that ask a question and end. */
export function openRegistry(options: { server: string; token?: string; timeoutMs?: number }): {
  readonly registry: Registry;
  close(): Promise<void>;
} {
  const transport = nodeTransport(systemClock);
  return { registry: registryOver(connectRegistry(transport, options)), close: () => transport.close() };
}
