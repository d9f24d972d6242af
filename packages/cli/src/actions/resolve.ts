import type { ServiceInstance } from '@portolan/client/registry/decode.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { addressOf, instanceView } from '../output/instance-view.ts';
import { type ListView, renderList } from '../output/render.ts';
import type { Session } from '../session.ts';
import { byId, unknownService } from './services.ts';

/** The passing instances: where a call may go now. */
const resolveView: ListView<ServiceInstance> = { ...instanceView, name: addressOf };

/** A blocking read of the registry ends by itself after this. */
const waitMs = 10_000;

/** `portolan resolve NAME` */
export async function resolveService(
  session: Session,
  service: string,
  options: { tag?: string; wait: boolean },
): Promise<void> {
  const instances = await passing(session, service, options);
  if (instances.length > 0) {
    session.io.out(renderList(byId(instances), resolveView, session.render));
    return;
  }
  const all = await session.registry.instances(service, { signal: session.signal });
  if (all.instances.length === 0) throw await unknownService(session, service);
  const tagged = options.tag === undefined ? '' : ` with the tag '${options.tag}'`;
  throw new Fault(
    'not-found',
    `none of the ${all.instances.length} instances of '${service}' is passing${tagged}; 'portolan services ${service} -o wide' shows why, --wait waits for one.`,
  );
}

async function passing(
  session: Session,
  service: string,
  { tag, wait }: { tag?: string; wait: boolean },
): Promise<readonly ServiceInstance[]> {
  let index = 0;
  for (;;) {
    const answer = await session.registry
      .instances(service, {
        passingOnly: true,
        signal: session.signal,
        ...(tag === undefined ? {} : { tag }),
        ...(index === 0 ? {} : { index, waitMs, timeoutMs: 2 * waitMs }),
      })
      .catch((thrown: unknown) => {
        // A server that answered before is there: what was waited for has not come.
        throw index > 0 && session.signal.aborted ? noneInTime(session, service) : thrown;
      });
    if (answer.instances.length > 0 || !wait) return answer.instances;
    // An index that went back: another or a restored registry.
    index = answer.index < index ? 0 : Math.max(1, answer.index);
  }
}

function noneInTime({ timeoutMs }: Session, service: string): Fault {
  return new Fault(
    'timeout',
    `no instance of '${service}' was passing within ${timeoutMs} ms; 'portolan services ${service} -o wide' shows why, --timeout waits longer.`,
  );
}
