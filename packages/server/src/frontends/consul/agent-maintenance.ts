import { Fault } from '@portolan/core/base/fault.ts';
import type { Query } from '../../http/target.ts';
import { setNodeMaintenance } from './agent-intents.ts';
import { done, type Handler } from './call.ts';
import { selfNode } from './self.ts';

/** `PUT /v1/agent/maintenance?enable=true|false&reason=` */
export const maintenance: Handler = async (call) => {
  const { engine, identity } = call.context;
  const reason = maintenanceReason(call.query, 'node');
  await engine.submit((draft) => setNodeMaintenance(draft, selfNode(identity), reason));
  return done;
};

/** Why maintenance is to be on; undefined: it is to be off. Throws Consul's texts. */
export function maintenanceReason(query: Query, what: 'node' | 'service'): string | undefined {
  const enable = query.get('enable');
  if (enable === undefined || enable === '') throw new Fault('invalid', 'Missing value for enable');
  if (/^(0|f|false)$/i.test(enable)) return undefined;
  if (!/^(1|t|true)$/i.test(enable)) {
    throw new Fault('invalid', `Invalid value for enable: ${JSON.stringify(enable)}`);
  }
  return (
    query.get('reason') ||
    `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`
  );
}
