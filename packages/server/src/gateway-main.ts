import { Fault } from '@portolan/core/base/fault.ts';
import type { FlagValues } from './config/flags.ts';
import { loadSettings } from './config/load.ts';
import { bracketed } from './config/values.ts';
import { findGateway } from './gateway/control-client.ts';
import { obeySignals } from './gateway/obey-signals.ts';
import { type RunningGateway, runGateway } from './gateway/run-gateway.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { prepareDataDir } from './self.ts';

export interface GatewayFlags {
  /** Base URLs of the control plane. */
  readonly servers: readonly string[];
  /** Of the server's flags, those that a gateway has: `gatewayFlags`. */
  readonly settings: FlagValues;
}

/**
 * `portolan gateway`: the data plane alone, on any machine. Runs until SIGTERM or SIGINT and resolves with the exit code, as `runServer`
 * does. SIGHUP replaces the workers one by one. After an upgrade it ends with 0 when the last connection of its own has.
 */
export async function runGatewayAlone(
  flags: GatewayFlags,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  const startedMs = performance.now();
  let gateway: RunningGateway;
  try {
    const settings = gatewaySettings(loadSettings(withoutServer(flags.settings), env), {
      outliveMs: undefined,
    });
    prepareDataDir(settings.stateDir);
    const other = await findGateway(settings.stateDir);
    if (other !== undefined) {
      throw new Fault(
        'conflict',
        `--state-dir: the gateway with process id ${other.control.pid} has its state in ${settings.stateDir}; 'portolan gateway upgrade' replaces it, another directory lets both run`,
      );
    }
    gateway = await runGateway({ settings, servers: serversOf(flags.servers) });
  } catch (thrown) {
    const fault = Fault.from(thrown);
    for (const line of fault.message.split('\n')) process.stderr.write(`portolan: ${line}\n`);
    return fault.code === 'invalid' ? 2 : 1;
  }
  process.stdout.write(banner(gateway, performance.now() - startedMs));
  obeySignals(gateway);
  await gateway.stopped;
  // The channel to a successor would keep us.
  process.exit(0);
}

/** The listeners of a server are not opened here, and must not get in the way of ours. */
function withoutServer(given: FlagValues): FlagValues {
  const { listen = [] } = given;
  return {
    ...given,
    listen: [...(Array.isArray(listen) ? listen : [String(listen)]), 'http=127.0.0.1:0', 'dns=off'],
  };
}

function serversOf(given: readonly string[]): readonly string[] {
  const servers = given.flatMap((text) => text.split(',')).map((text) => text.trim());
  for (const server of servers) {
    if (!/^https?:$/.test(URL.parse(server)?.protocol ?? '')) {
      throw new Fault('invalid', `--server: must be an http:// or https:// URL, not "${server}"`, {
        path: '--server',
      });
    }
  }
  if (servers.length === 0)
    throw new Fault('invalid', '--server: name the control plane, such as http://127.0.0.1:8500');
  return servers;
}

function banner(gateway: RunningGateway, tookMs: number): string {
  const rows = gateway.listeners
    .list()
    .map(
      ({ name, address, port, protocols }) =>
        `  ${name.padEnd(12)} ${`${bracketed(address)}:${port}`.padEnd(21)} ${protocols.join(', ')}\n`,
    );
  return ['Portolan gateway\n', ...rows, `Ready in ${(tookMs / 1000).toFixed(2)} s. Ctrl-C stops it.\n`].join(
    '',
  );
}
