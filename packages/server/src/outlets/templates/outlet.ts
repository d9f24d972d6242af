import { Fault } from '@portolan/core/base/fault.ts';
import type { TemplateConfig } from '@portolan/template/config/config.ts';
import { loadConfig, templateSpecs } from '@portolan/template/config/load.ts';
import { ConsulClient } from '@portolan/template/data/consul-client.ts';
import { defaultRetry } from '@portolan/template/data/watched-data.ts';
import { ownMachine } from '@portolan/template/functions/machine.ts';
import { Runner } from '@portolan/template/run/runner.ts';
import { renderingEnvironment } from '@portolan/template/run/surroundings.ts';
import type { Context, Part } from '../../contract.ts';
import type { TemplatesSetting } from './config.ts';

const blockWaitMs = 60_000;

/**
 * The files of the `templates` setting. They are rendered from this server's own Consul interface, as they would be by a program
 * beside it: the blocking queries are what pushes a change.
 */
export function templatesOutlet(context: Context, setting: NonNullable<TemplatesSetting>): Part {
  const { log } = context;
  const stopping = new AbortController();
  const failures = new Map<string, string>();
  let client: ConsulClient | undefined;
  let running: Promise<void> = Promise.resolve();
  return {
    name: 'templates',
    async start() {
      const config = 'file' in setting ? configIn(setting.file) : setting.config;
      const address = { address: ownAddress(context) };
      client = new ConsulClient(address);
      const runner = new Runner({
        templates: templateSpecs(config),
        client,
        clock: context.clock,
        machine: ownMachine(renderingEnvironment(process.env, address), () => context.clock.wallMs()),
        retry: defaultRetry,
        blockWaitMs,
        once: false,
        dry: false,
        environment: process.env,
        events: {
          rendered(spec) {
            failures.delete(spec.name);
            log.info({ template: spec.name, destination: spec.destination }, 'rendered');
          },
          failed(what, fault) {
            failures.set(what, fault.message);
            log.error({ what, err: fault.message }, 'template');
          },
          commandDone(command) {
            failures.delete(command);
            log.info({ command }, 'command done');
          },
        },
      });
      running = runner.run(stopping.signal);
      running.catch((error: unknown) => log.error({ err: String(error) }, 'templates ended'));
    },
    async stop() {
      stopping.abort();
      await running.catch(() => {});
      client?.close();
    },
    readiness: () => [...failures].map(([what, message]) => `template ${what}: ${message}`),
  };
}

/** Where this server's own HTTP interface is; it must be on. */
function ownAddress(context: Context): string {
  const http = context.listeners.list().find(({ name }) => name === 'http');
  if (http === undefined) return '127.0.0.1:8500';
  const address = http.address === '0.0.0.0' ? '127.0.0.1' : http.address === '::' ? '::1' : http.address;
  return `${address.includes(':') ? `[${address}]` : address}:${http.port}`;
}

/** Throws `invalid`, naming the flag: the server does not start. */
function configIn(file: string): TemplateConfig {
  try {
    return loadConfig(file);
  } catch (thrown) {
    throw new Fault('invalid', `--templates: ${Fault.from(thrown).message}`, { cause: thrown });
  }
}
