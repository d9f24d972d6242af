import { Fault } from '@portolan/core/base/fault.ts';
import { listOf, objectOf, textOf, textsOf } from './json-reader.ts';

/** What the source needs to know about a container, from `GET /containers/<id>/json`. */
export interface Container {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  /** As it was named at `docker run`. */
  readonly image: string;
  /** RFC 3339: the order among containers. */
  readonly created: string;
  readonly state: 'running' | 'paused' | 'stopped';
  /** When its last run began: tells runs apart. */
  readonly startedAt: string;
  /** Of the last run, while stopped. */
  readonly exitCode: number;
  /** '' is SIGTERM. */
  readonly stopSignal: string;
  /** `KEY=value`. */
  readonly env: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  /** `default`, `bridge`, `host`, `none`, `container:<id>`, or a network's name or id. */
  readonly networkMode: string;
  /** `80/tcp`: what the image or `--expose` says. */
  readonly exposedPorts: readonly string[];
  /** By `80/tcp`: where it is published; empty for a port that is not. */
  readonly ports: ReadonlyMap<string, readonly PortBinding[]>;
  /** Its addresses, by the network's name. */
  readonly networks: ReadonlyMap<string, NetworkAddress>;
  /** All that the engine said. */
  readonly inspect: unknown;
}

export interface PortBinding {
  readonly address: string;
  readonly port: number;
}

export interface NetworkAddress {
  readonly id: string;
  /** IPv4, or IPv6 where that is all; '' while it has none. */
  readonly address: string;
}

/** Throws `invalid` for an answer without an id: that is no container. */
export function readContainer(json: unknown): Container {
  const inspect = objectOf(json);
  const id = textOf(inspect.Id);
  if (id === '') throw new Fault('invalid', 'a container from the Docker Engine has no Id', { path: 'Id' });
  const config = objectOf(inspect.Config);
  const settings = objectOf(inspect.NetworkSettings);
  const state = objectOf(inspect.State);
  return {
    id,
    name: textOf(inspect.Name).replace(/^\//, ''),
    image: textOf(config.Image),
    created: textOf(inspect.Created),
    state: readState(state),
    startedAt: textOf(state.StartedAt),
    exitCode: typeof state.ExitCode === 'number' ? state.ExitCode : 0,
    stopSignal: textOf(config.StopSignal),
    env: textsOf(config.Env),
    labels: readLabels(config.Labels),
    networkMode: textOf(objectOf(inspect.HostConfig).NetworkMode),
    exposedPorts: Object.keys(objectOf(config.ExposedPorts)),
    ports: readPorts(settings.Ports),
    networks: readNetworks(settings.Networks),
    inspect: json,
  };
}

/** A container that waits to be restarted counts as running with Docker, and runs nothing. */
function readState(state: Readonly<Record<string, unknown>>): Container['state'] {
  if (state.Running !== true || state.Restarting === true || state.Dead === true) return 'stopped';
  return state.Paused === true ? 'paused' : 'running';
}

function readLabels(json: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(objectOf(json)).map(([key, value]) => [key, textOf(value)]));
}

function readPorts(json: unknown): Container['ports'] {
  return new Map(Object.entries(objectOf(json)).map(([port, bindings]) => [port, readBindings(bindings)]));
}

function readBindings(json: unknown): readonly PortBinding[] {
  return listOf(json)
    .map(objectOf)
    .map((binding) => ({ address: textOf(binding.HostIp), port: Number(textOf(binding.HostPort)) }))
    .filter(({ port }) => Number.isInteger(port) && port >= 1 && port <= 65_535);
}

function readNetworks(json: unknown): Container['networks'] {
  return new Map(
    Object.entries(objectOf(json)).map(([name, value]) => {
      const network = objectOf(value);
      const address = textOf(network.IPAddress) || textOf(network.GlobalIPv6Address);
      return [name, { id: textOf(network.NetworkID), address }];
    }),
  );
}
