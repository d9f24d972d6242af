import { readdirSync, readFileSync } from 'node:fs';
import type { DockerConfig } from './config.ts';
import { type Container, readContainer } from './container.ts';
import { tagsFrom } from './tags.ts';
import type { Circumstances, Place } from './translate.ts';

/** What a user has who only says where the engine is. */
export const plainConfig: DockerConfig = {
  engine: { kind: 'unix', path: '/var/run/docker.sock' },
  others: new Set(),
  ip: undefined,
  internal: false,
  explicit: false,
  tags: '',
  ipFromLabel: '',
  ttlMs: 0,
  deregister: 'always',
  resyncMs: 0,
};

export function place(config: Partial<DockerConfig> = {}): Place {
  return {
    config: { ...plainConfig, ...config },
    tagsOf: tagsFrom(config.tags ?? ''),
    node: 'n1',
    origin: { dialect: 'docker', source: 'unix:///var/run/docker.sock', node: 'n1' },
    hostName: 'web1',
    hostAddress: '192.0.2.1',
    lease: undefined,
  };
}

export const alone: Circumstances = { networkOwner: undefined, stopping: false };

const recordings = new URL('testdata/engine-20.10/', import.meta.url);

/** What a Docker Engine 20.10 answered for containers of the test, by file name. */
export function recorded(name: string): Container {
  return readContainer(JSON.parse(readFileSync(new URL(`${name}.json`, recordings), 'utf8')));
}

export const recordedNames = readdirSync(recordings).map((file) => file.replace(/\.json$/, ''));

/** A running container with one published port: `8080/tcp` at port 32000 of every address. */
export function container(change: Partial<Container> = {}): Container {
  return {
    id: 'c1',
    name: 'shop-1',
    image: 'registry.example:5000/team/shop:1.4',
    created: '2026-01-01T00:00:00Z',
    state: 'running',
    startedAt: '2026-01-01T00:00:01Z',
    exitCode: 0,
    stopSignal: '',
    env: [],
    labels: new Map(),
    networkMode: 'default',
    exposedPorts: ['8080/tcp'],
    ports: new Map([['8080/tcp', [{ address: '0.0.0.0', port: 32_000 }]]]),
    networks: new Map([['bridge', { id: 'n', address: '172.17.0.2' }]]),
    inspect: {},
    ...change,
  };
}

export function labelled(labels: Readonly<Record<string, string>>): Container {
  return container({ labels: new Map(Object.entries(labels)) });
}
