// Runs one service of the sample until it is told to stop: node src/main.ts reviews-v2 [--server URL]
import { parseArgs } from 'node:util';
import { catalogue } from './catalogue.ts';
import { runService } from './run-service.ts';

const usage = `usage: main.ts NAME [--server URL]\nNAME is one of ${Array.from(catalogue.keys()).join(', ')}`;

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { server: { type: 'string' } },
  });
  const [name = ''] = positionals;
  const definition = catalogue.get(name);
  if (definition === undefined) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const server = values.server ?? process.env.PORTOLAN_SERVER ?? 'http://127.0.0.1:8500';
  const token = process.env.CONSUL_HTTP_TOKEN;
  const service = await runService(definition, {
    server,
    ...(token === undefined ? {} : { token }),
    say: sayOnce(name),
  });
  console.log(
    `${name} (pid ${process.pid}) serves http://127.0.0.1:${service.port}/ and is registered at ${server}`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await service.stop();
}

/** The same trouble again and again, from everything that goes on trying, is one line. */
function sayOnce(name: string): (line: string) => void {
  let last = '';
  return (line) => {
    if (line !== last) console.error(`${name}: ${line}`);
    last = line;
  };
}

try {
  await main();
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
