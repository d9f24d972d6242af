import { Fault } from '@portolan/core/base/fault.ts';
import type { FlagValues } from '@portolan/server/config/flags.ts';
import { findGateway, type GatewayControl } from '@portolan/server/gateway/control-client.ts';
import { ownProgram } from '@portolan/server/gateway/launch.ts';
import type { GatewayStatus } from '@portolan/server/gateway/status.ts';
import { runGatewayAlone } from '@portolan/server/gateway-main.ts';
import { durationMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { renderRecord } from '../output/render.ts';
import { renderOptions } from '../session.ts';

const defaultStateDir = 'portolan-gateway';

/** `portolan gateway`: until it is told to stop. */
export async function runGatewayCommand(
  io: Io,
  given: {
    readonly servers: readonly string[];
    readonly stateDir: string | undefined;
    readonly settings: FlagValues;
  },
): Promise<void> {
  const { PORTOLAN_SERVER: server } = io.env;
  const servers = given.servers.length > 0 || server === undefined ? given.servers : [server];
  const stateDir = given.stateDir ?? io.env.PORTOLAN_STATE_DIR ?? defaultStateDir;
  io.exitCode = await runGatewayAlone(
    { servers, settings: { ...given.settings, 'data-dir': stateDir } },
    io.env,
  );
}

/** `portolan gateway reload`, `log-level` */
export async function tellGateway(
  io: Io,
  stateDir: string | undefined,
  what: string,
  body?: object,
): Promise<void> {
  const { control } = await running(io, stateDir);
  await control.command(what, body);
}

/** `portolan gateway upgrade` */
export async function upgradeGateway(io: Io, stateDir: string | undefined): Promise<void> {
  const { control } = await running(io, stateDir);
  await control.command('POST /upgrade', { program: ownProgram });
}

/** `portolan gateway stop` */
export async function stopGateway(
  io: Io,
  stateDir: string | undefined,
  grace: string | undefined,
): Promise<void> {
  const { control } = await running(io, stateDir);
  await control.command('POST /stop', { graceMs: grace === undefined ? 0 : durationMs(grace, '--grace') });
}

/** `portolan gateway status` */
export async function showGateway(
  io: Io,
  stateDir: string | undefined,
  flags: Parameters<typeof renderOptions>[1],
): Promise<void> {
  const { control } = await running(io, stateDir);
  const status = await control.status(true);
  const { state, servers, owner, pid, settings, workers } = status;
  const shown: [string, string][] = [
    ['process', String(pid)],
    ['version', settings.version],
    ['belongs to', ownerText[owner]],
    ['control plane', servers.join(' ')],
    ['ready', state.problems.length === 0 ? 'yes' : state.problems.join('; ')],
    ...state.listeners.map((one): [string, string] => [
      `listener ${one.name}`,
      `${one.address.includes(':') ? `[${one.address}]` : one.address}:${one.port}`,
    ]),
    ...workers.map((one): [string, string] => [
      `worker ${one.pid}`,
      `revision ${one.revision}, ${one.connections} connections`,
    ]),
  ];
  io.out(renderRecord(shown, status, String(pid), renderOptions(io, flags)));
}

const ownerText: Readonly<Record<GatewayStatus['owner'], string>> = {
  alone: 'itself',
  attached: 'a server',
  orphaned: 'a server that has died',
};

/** The gateway of `stateDir`; without one, of the directories where one is by default. */
async function running(io: Io, stateDir: string | undefined): Promise<{ readonly control: GatewayControl }> {
  const { PORTOLAN_STATE_DIR: state = defaultStateDir, PORTOLAN_DATA_DIR: data = 'portolan-data' } = io.env;
  const places = stateDir === undefined ? [state, data] : [stateDir];
  for (const place of places) {
    const found = await findGateway(place);
    if (found !== undefined) return found;
  }
  throw new Fault(
    'unavailable',
    `no gateway runs with its state in ${places.join(' or ')}: name its directory with --state-dir`,
  );
}
