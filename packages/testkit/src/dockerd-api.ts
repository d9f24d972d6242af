import { request } from 'node:http';

/** What a test creates a container with; more fields go to `POST /containers/create` as they are. */
export interface ContainerOptions {
  readonly name: string;
  readonly cmd: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
  /** `8080/tcp`: published on a free port of 127.0.0.1. */
  readonly publish?: readonly string[];
  /** Exposed, not published. */
  readonly expose?: readonly string[];
  readonly network?: string;
  readonly image?: string;
  readonly hostConfig?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The calls that tests make of a Docker Engine: every one throws for an answer that is not a success. */
export interface DockerdApi {
  call(method: string, path: string, body?: Buffer | object): Promise<unknown>;
  /** Creates and starts; resolves with the id. */
  run(options: ContainerOptions): Promise<string>;
  /** The host port behind `8080/tcp`. */
  hostPort(container: string, port: string): Promise<number>;
  /** `docker stop`: resolves when it has ended. */
  stopContainer(container: string, graceSeconds: number): Promise<void>;
}

/** The image that `launchDockerd` imports. */
export const testImage = 'portolan-test:1';

export function dockerdApi(socketPath: string): DockerdApi {
  const call = (method: string, path: string, body?: Buffer | object): Promise<unknown> =>
    send(socketPath, method, path, body);
  return {
    call,
    async run(options) {
      const { Id } = (await call(
        'POST',
        `/containers/create?name=${encodeURIComponent(options.name)}`,
        createBody(options),
      )) as { Id: string };
      await call('POST', `/containers/${Id}/start`);
      return Id;
    },
    async hostPort(container, port) {
      const { NetworkSettings } = (await call('GET', `/containers/${container}/json`)) as {
        NetworkSettings: { Ports: Record<string, { HostPort: string }[] | null> };
      };
      return Number(NetworkSettings.Ports[port]?.[0]?.HostPort);
    },
    stopContainer: async (container, graceSeconds) =>
      void (await call('POST', `/containers/${container}/stop?t=${graceSeconds}`)),
  };
}

function createBody(options: ContainerOptions): object {
  const { publish = [], expose = [], network } = options;
  return {
    Image: options.image ?? testImage,
    Cmd: options.cmd,
    Labels: options.labels ?? {},
    Env: options.env ?? [],
    ExposedPorts: Object.fromEntries([...publish, ...expose].map((port) => [port, {}])),
    ...options.config,
    HostConfig: {
      PortBindings: Object.fromEntries(
        publish.map((port) => [port, [{ HostIp: '127.0.0.1', HostPort: '0' }]]),
      ),
      ...(network === undefined ? {} : { NetworkMode: network }),
      ...options.hostConfig,
    },
  };
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: Buffer | object | undefined,
): Promise<unknown> {
  const raw = Buffer.isBuffer(body);
  const payload = body === undefined ? undefined : raw ? body : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'docker',
      'content-type': raw ? 'application/x-tar' : 'application/json',
      'content-length': payload?.length ?? 0,
    };
    const sent = request({ socketPath, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode = 0 } = response;
        if (statusCode >= 300 && statusCode !== 304)
          reject(new Error(`${method} ${path}: ${statusCode} ${text}`));
        else resolve(parsed(text));
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

/** An import answers with several JSON texts: the first is enough there. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text.trim().split('\r\n')[0] ?? '');
  } catch {
    return undefined;
  }
}
