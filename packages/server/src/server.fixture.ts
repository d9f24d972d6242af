import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { pino } from 'pino';
import { resolveSettings } from './config/resolve.ts';
import { type RunningServer, startServer } from './server.ts';

export interface TestServer {
  readonly running: RunningServer;
  /** Of the http listener. */
  readonly url: string;
  readonly dataDir: string;
  /** JSON in, JSON (or text) out. */
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown; headers: Headers }>;
}

/** The whole server in this process, on a memory store and a free port, without DNS and gateway; it ends with the test. */
export async function testServer(test: { after(callback: () => Promise<void>): void }): Promise<TestServer> {
  const directory = tempDir('test-server');
  const settings = resolveSettings({
    flags: {
      'data-dir': directory.path,
      store: 'memory',
      node: 'n1',
      listen: ['http=127.0.0.1:0', 'dns=off', 'gateway=off', 'proxy-admin=off'],
    },
    env: {},
    file: undefined,
    machine: { hostName: 'n1', cores: 1 },
  });
  const running = await startServer(settings, {
    log: pino({ level: process.env.PORTOLAN_TEST_LOG ?? 'silent' }),
  });
  test.after(async () => {
    await running.stop(0);
    directory.remove();
  });
  const url = `http://127.0.0.1:${running.listeners.find(({ name }) => name === 'http')?.port}`;
  return {
    running,
    url,
    dataDir: directory.path,
    async call(method, path, body) {
      const response = await fetch(url + path, {
        method,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return { status: response.status, json: isJson ? JSON.parse(text) : text, headers: response.headers };
    },
  };
}
