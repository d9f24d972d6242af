import { fields, list, text } from '@portolan/client/registry/decode.ts';
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
  const [self, leader, listeners, services] = await Promise.all([
    registry.get('v1/agent/self', signal),
    registry.get('v1/status/leader', signal),
    listenersOf(session),
    registry.services(signal),
  ]);
  const config = fields(fields(self).Config);
  const status = {
    server: session.server,
    node: text(config.NodeName),
    datacenter: text(config.Datacenter),
    version: text(config.Version),
    leader: text(leader),
    services: services.size,
    listeners,
  };
  const shown: [string, string][] = [
    ['server', status.server],
    ['node', status.node],
    ['datacenter', status.datacenter],
    ['version', status.version],
    ['leader', status.leader === '' ? 'none: the store cannot be reached' : status.leader],
    ['services', String(status.services)],
    ...listeners.map((one): [string, string] => [
      `listener ${one.name}`,
      `${hostOf(one.address)}:${one.port}`,
    ]),
  ];
  session.io.out(renderRecord(shown, status, status.node, session.render));
}

/** Empty where there is none to ask: a Consul agent. */
async function listenersOf(session: Session): Promise<readonly Listener[]> {
  try {
    const answer = await session.registry.get('portolan/v1/listeners', session.signal);
    return list(Array.isArray(answer) ? answer : fields(answer).listeners).map((entry) => {
      const { name, address, port } = fields(entry);
      return { name: text(name), address: text(address), port: typeof port === 'number' ? port : 0 };
    });
  } catch (thrown) {
    const fault = Fault.from(thrown);
    if (fault.code === 'not-found' || fault.code === 'unavailable') return [];
    throw fault;
  }
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
