import { createHash } from 'node:crypto';
import type { Cluster, TrafficModel } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';
import { canFollow, followedUpstream } from './followed-upstream.ts';
import { type Directive, writeConfiguration } from './nginx-writer.ts';
import { generationServer, httpServers } from './translate-http.ts';
import { streamServers } from './translate-stream.ts';
import { type AddressOf, upstreamOf } from './translate-upstream.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface TranslateOptions {
  /** Where hosts are served; TCP ports are opened on the same address. */
  readonly listen: Bind;
  readonly balance: 'round-robin' | 'least-conn';
  /** Whether unknown hosts are ours to answer on that address. */
  readonly ownsDefault: boolean;
  /** Endpoints may be known by name; undefined: that name has no address. */
  readonly addressOf: AddressOf;
  /** Where nginx asks for the endpoints of a cluster by itself; undefined: they are written down. */
  readonly resolver?: Bind | undefined;
  /** Doors that cannot be opened, by `OwnDoor.key`, and why. */
  readonly refusedDoors: ReadonlyMap<string, string>;
}

export interface Translation {
  /** What stands inside `http { … }`. */
  readonly http: readonly Directive[];
  /** What stands inside `stream { … }`. */
  readonly stream: readonly Directive[];
  /** Equal for equal configurations, and for no others. */
  readonly hash: string;
  /** Keys of the doors that are opened beside `listen`. */
  readonly doors: readonly string[];
  /** What could not be done as asked, each with what it is about; everything else was. */
  readonly problems: readonly string[];
  /** For nginx' hash tables. */
  readonly hosts: { readonly count: number; readonly longest: number };
}

/**
 * The whole traffic model as nginx configuration. Total: what nginx cannot say is left out and told, and never keeps the rest
 * from being written.
 */
export function translate(model: TrafficModel, options: TranslateOptions): Translation {
  const problems: string[] = [];
  const words: Vocabulary = {
    usable: usableClusters(model.clusters, options.addressOf, problems),
    listen: options.listen,
    ownsDefault: options.ownsDefault,
    report: (problem) => problems.push(problem),
  };
  const tcp = streamServers(model, words, options.refusedDoors);
  const web = httpServers(model, words, tcp.http);
  const http = [...upstreamsOf(web.clusters, words, options, 'http'), ...web.directives];
  const stream = [...upstreamsOf(tcp.clusters, words, options, 'stream'), ...tcp.directives];
  const hash = createHash('sha256')
    .update(`${writeConfiguration(http)}\0${writeConfiguration(stream)}`)
    .digest('hex')
    .slice(0, 32);
  return {
    http,
    stream,
    hash,
    doors: tcp.doors,
    problems,
    hosts: web.hosts,
  };
}

/**
 * The same, and workers that run it answer with `generation`: the hash, and a part that is new for each exchange. Old workers go on
 * answering for a while, and what they run may be what is to be run next.
 */
export function withGeneration(translation: Translation, generation: string, listen: Bind): Translation {
  return { ...translation, http: [...translation.http, generationServer(generation, listen)] };
}

/** Clusters with somebody to send a request to, by name. */
function usableClusters(
  clusters: TrafficModel['clusters'],
  addressOf: AddressOf,
  problems: string[],
): ReadonlyMap<string, Cluster> {
  const usable = new Map<string, Cluster>();
  for (const cluster of clusters.values()) {
    const known = upstreamOf(cluster, addressOf);
    for (const problem of known.problems) problems.push(problem);
    const foreign = foreignSpeech(cluster);
    if (foreign !== undefined) {
      problems.push(
        `cluster ${JSON.stringify(cluster.name)} is left out: nginx does not speak ${foreign} to it`,
      );
    } else if (known.servers.length > 0) usable.set(cluster.name, cluster);
  }
  return usable;
}

/** What its instances want to hear that is not written: better nobody than somebody who speaks otherwise. */
function foreignSpeech({ tls, protocol, proxyProtocol }: Cluster): string | undefined {
  if (tls !== undefined) return 'TLS';
  if (protocol === 'http2') return 'HTTP/2';
  return proxyProtocol === 'v2' ? 'version 2 of the PROXY protocol' : undefined;
}

function upstreamsOf(
  names: ReadonlySet<string>,
  { usable }: Vocabulary,
  { balance, addressOf, resolver }: TranslateOptions,
  place: 'http' | 'stream',
): Directive[] {
  return [...names].sort().flatMap((name) => {
    const cluster = usable.get(name);
    if (cluster === undefined) return [];
    if (resolver !== undefined && canFollow(cluster)) {
      return [followedUpstream(cluster, resolver, balance, place)];
    }
    return [upstreamOf(cluster, addressOf)[place](balance)];
  });
}
