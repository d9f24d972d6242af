import { fields, text } from '@portolan/client/registry/decode.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { renderRecord } from '../output/render.ts';
import type { Session } from '../session.ts';

interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** `portolan status` */
export async function showStatus(session: Session): Promise<void> {
  const { registry, signal } = session;
  const [self, leader, own, services] = await Promise.all([
    agentSelf(session),
    registry.get('v1/status/leader', signal),
    ownStatus(session),
    registry.services(signal),
  ]);
  const config = fields(fields(self).Config);
  const status = {
    server: session.server,
    node: text(config.NodeName),
    datacenter: text(config.Datacenter),
    // Under its own name Consul's API tells the version of Consul that it is compatible with.
    version: text(own.version) || text(config.Version),
    leader: text(leader),
    services: services.size,
    listeners: listenersOf(own.listeners),
  };
  const shown: [string, string][] = [
    ['server', status.server],
    ['node', status.node],
    ['datacenter', status.datacenter],
    ['version', status.version],
    ['leader', status.leader === '' ? 'none: the store cannot be reached' : status.leader],
    ['services', String(status.services)],
    ...status.listeners.map((one): [string, string] => [
      `listener ${one.name}`,
      `${hostOf(one.address)}:${one.port}`,
    ]),
  ];
  session.io.out(renderRecord(shown, status, status.node, session.render));
}

/** Both a Portolan server and a Consul agent have it: who does not is something else. */
async function agentSelf({ registry, server, signal }: Session): Promise<unknown> {
  try {
    return await registry.get('v1/agent/self', signal);
  } catch (thrown) {
    const fault = Fault.from(thrown);
    if (fault.code !== 'not-found') throw fault;
    throw new Fault(
      'unavailable',
      `${server} answers, but is neither a Portolan API nor a Consul agent (${fault.message}); ` +
        'give the address of the http listener, by default http://127.0.0.1:8500',
      { cause: fault },
    );
  }
}

/** Portolan's own answer; empty where there is none to ask: a Consul agent. */
async function ownStatus(session: Session): Promise<Readonly<Record<string, unknown>>> {
  try {
    return fields(await session.registry.get('portolan/v1/status', session.signal));
  } catch (thrown) {
    const fault = Fault.from(thrown);
    // Consul answers unknown paths with 404, or with its web page.
    if (fault.code === 'not-found' || fault.code === 'unavailable') return {};
    throw fault;
  }
}

function listenersOf(listeners: unknown): readonly Listener[] {
  return (Array.isArray(listeners) ? listeners : []).map((entry) => {
    const { name, address, port } = fields(entry);
    return { name: text(name), address: text(address), port: typeof port === 'number' ? port : 0 };
  });
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
