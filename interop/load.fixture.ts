import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface LoadTarget {
  readonly host: string;
  readonly path: string;
  /** An answer without the first, or with the second, is a failure. */
  readonly mustHold: string;
  readonly mustNotHold: string;
}

export interface Load {
  /** Answers so far, good or bad. */
  done(): number;
  /** Answers that hold `part`. */
  seen(part: string): number;
  failures(): readonly string[];
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

/** A few keep-alive clients that call one target after another until stopped: enough to be caught by any gap. */
const clients = 4;

export function startLoad(
  gateway: { readonly host: string; readonly port: number },
  targets: readonly LoadTarget[],
): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let done = 0;
  let stopped = false;

  const call = async (target: LoadTarget): Promise<void> => {
    try {
      const { status, body } = await get(agent, gateway, target);
      const key = /"version":"[^"]*"/.exec(body)?.[0];
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
      if (status !== 200 || !body.includes(target.mustHold) || body.includes(target.mustNotHold)) {
        failures.push(`${target.host}${target.path}: ${status} ${body.slice(0, 2_000)}`);
      }
    } catch (thrown) {
      failures.push(`${target.host}${target.path}: ${thrown}`);
    }
    done += 1;
  };

  const loops = Array.from({ length: clients }, async (_, client) => {
    for (let turn = client; !stopped; turn += 1) {
      const target = targets[turn % targets.length];
      if (target !== undefined) await call(target);
    }
  });

  return {
    done: () => done,
    seen: (part) => counts.get(part) ?? 0,
    failures: () => failures,
    async stop() {
      stopped = true;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}

function get(
  agent: Agent,
  { host, port }: { readonly host: string; readonly port: number },
  target: LoadTarget,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, host, port, path: target.path, headers: { host: target.host } });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    outgoing.end();
  });
}
