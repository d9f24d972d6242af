import { formatAddress, parseAddress } from '../address.ts';
import { type Answer, type Dependencies, negative, positive } from '../answer.ts';
import { limits } from '../limits.ts';
import { type Authority, type Name, type Resource, rcode, typeCode } from '../message.ts';
import { nameOf } from '../names.ts';
import { addressRecord, wants } from '../resource-records.ts';
import { isName } from '../writer.ts';
import { type ClusterLookup, parseClusterLookup, type ServiceRef } from './lookup.ts';
import {
  type ClusterPort,
  type ClusterSource,
  clusterService,
  endpointLabels,
  endpointsBehind,
  hasNamespace,
} from './services.ts';

/** The settings that answers depend on. */
export interface ClusterZone {
  /** `cluster.local` as labels in lower case. */
  readonly domain: Name;
  readonly serverAddress: string;
}

/** As the cluster DNS that everybody has: long enough to spare questions, short enough for a change. */
const ttlSeconds = 5;

/** Kubernetes DNS-Based Service Discovery. */
const schemaVersion = '1.1.0';

/** A change of any rule may change any answer of this domain. */
export const anyRule = '\0rules';

/** The answer to the question for `type` at `name`, which is in lower case and within the domain. */
export function clusterAnswer(source: ClusterSource, name: Name, type: number, zone: ClusterZone): Answer {
  const labels = name.slice(0, name.length - zone.domain.length);
  return new ClusterTranslation(source, name, type, zone).lookup(parseClusterLookup(labels));
}

class ClusterTranslation {
  readonly #source: ClusterSource;
  readonly #name: Name;
  readonly #type: number;
  readonly #zone: ClusterZone;

  constructor(source: ClusterSource, name: Name, type: number, zone: ClusterZone) {
    this.#source = source;
    this.#name = name;
    this.#type = type;
    this.#zone = zone;
  }

  lookup(lookup: ClusterLookup): Answer {
    switch (lookup.kind) {
      case 'apex':
        return this.#apex();
      case 'version':
        return this.#asks('TXT') ? positive({ fixed: [this.#text(schemaVersion)] }) : this.#noData();
      case 'name-server':
        return this.#addresses([this.#zone.serverAddress], undefined);
      case 'empty':
        return lookup.namespace === undefined || hasNamespace(this.#source, lookup.namespace)
          ? this.#noData()
          : this.#nameError();
      case 'pod':
        return this.#pod(lookup.namespace, lookup.label);
      case 'service':
        return this.#service(lookup.service);
      case 'port':
        return this.#port(lookup.service, lookup.port, lookup.protocol);
      case 'endpoint':
        return this.#endpoint(lookup.service, lookup.hostname);
      case 'unknown':
        return this.#nameError();
    }
  }

  #apex(): Answer {
    const server = ['ns', 'dns', ...this.#zone.domain];
    const fixed: Resource[] = [];
    if (this.#asks('SOA')) fixed.push(this.#authority());
    if (this.#asks('NS')) fixed.push({ name: this.#name, ttlSeconds, type: 'NS', target: server });
    if (fixed.length === 0) return this.#noData();
    const glue = addressRecord(server, ttlSeconds, this.#zone.serverAddress);
    return positive({ fixed, additionals: glue === undefined ? [] : [glue] });
  }

  #service(ref: ServiceRef): Answer {
    const service = clusterService(this.#source, ref);
    if (service === undefined) return this.#nameError();
    switch (service.type) {
      case 'external':
        return this.#alias(service.name);
      case 'virtual':
        return this.#addresses([service.address], dependsOn(ref, []));
      case 'headless': {
        const behind = endpointsBehind(this.#source, service.ports);
        const depends = dependsOn(ref, service.ports);
        if (behind.length === 0) return this.#nameError(depends);
        return this.#addresses([...new Set(behind.map(({ address }) => address))], depends);
      }
    }
  }

  #alias(external: string): Answer {
    const target = nameOf(external);
    if (target === undefined) return this.#noData();
    return positive({ fixed: [{ name: this.#name, ttlSeconds, type: 'CNAME', target }] });
  }

  /** Named ports only. Of a headless service one record for each endpoint, each with a name of its own. */
  #port(ref: ServiceRef, port: string, protocol: string): Answer {
    const service = clusterService(this.#source, ref);
    if (service === undefined || service.type === 'external') return this.#nameError();
    const ports = service.ports.filter((one) => one.name.toLowerCase() === port && one.protocol === protocol);
    if (port === '' || ports.length === 0) return this.#nameError();
    const depends = dependsOn(ref, ports);
    const parent = [...ref.name.split('.'), ref.namespace, 'svc', ...this.#zone.domain];
    if (service.type === 'virtual') return this.#virtualPort(ports, service.address, parent, depends);
    return this.#endpointPorts(ref, ports, parent, depends);
  }

  #virtualPort(ports: readonly ClusterPort[], address: string, target: Name, depends: Dependencies): Answer {
    if (!this.#asks('SRV')) return this.#noData(depends);
    const fixed = ports.map(({ port }) => this.#location(target, port));
    return positive({
      fixed,
      targets: new Map([[target.join('.'), addressesOf(target, address)]]),
      dependsOn: depends,
    });
  }

  #endpointPorts(
    ref: ServiceRef,
    ports: readonly ClusterPort[],
    parent: Name,
    depends: Dependencies,
  ): Answer {
    const behind = endpointsBehind(this.#source, ports);
    if (behind.length === 0) return this.#nameError(depends);
    if (!this.#asks('SRV')) return this.#noData(depends);
    const labelOf = endpointLabels(this.#source, ref);
    const targets = new Map<string, readonly Resource[]>();
    const shuffled: Resource[] = [];
    for (const { address, port } of behind.slice(0, limits.maxAnswers)) {
      const target = [labelOf(address), ...parent];
      if (!isName(target)) continue;
      shuffled.push(this.#location(target, port));
      targets.set(target.join('.'), addressesOf(target, address));
    }
    return positive({ shuffled, targets, dependsOn: depends });
  }

  #location(target: Name, port: number): Resource {
    return { name: this.#name, ttlSeconds, type: 'SRV', priority: 0, weight: 100, port, target };
  }

  #endpoint(ref: ServiceRef, hostname: string): Answer {
    const dotted = clusterService(this.#source, { ...ref, name: `${hostname}.${ref.name}` });
    // A service that is registered under a name with a dot.
    if (dotted !== undefined) return this.#service({ ...ref, name: `${hostname}.${ref.name}` });
    const service = clusterService(this.#source, ref);
    if (service?.type !== 'headless') return this.#nameError();
    const labelOf = endpointLabels(this.#source, ref);
    const depends = dependsOn(ref, service.ports);
    const addresses = endpointsBehind(this.#source, service.ports)
      .map(({ address }) => address)
      .filter((address) => labelOf(address) === hostname);
    return addresses.length === 0 ? this.#nameError(depends) : this.#addresses(addresses, depends);
  }

  /** Said without looking, as `pods insecure` says it; for addresses that somebody here has. */
  #pod(namespace: string, label: string): Answer {
    const bytes = parseAddress(label.replaceAll('-', '.')) ?? parseAddress(label.replaceAll('-', ':'));
    if (bytes === undefined || !hasNamespace(this.#source, namespace)) return this.#nameError();
    return this.#addresses([formatAddress(bytes)], undefined);
  }

  #addresses(texts: readonly string[], depends: Dependencies | undefined): Answer {
    const records = texts.flatMap((text) => addressRecord(this.#name, ttlSeconds, text) ?? []);
    const shuffled = records.filter((record) => wants(this.#type, record)).slice(0, limits.maxAnswers);
    if (shuffled.length === 0) return this.#noData(depends);
    return positive({ shuffled, ...(depends === undefined ? {} : { dependsOn: depends }) });
  }

  #text(text: string): Resource {
    return { name: this.#name, ttlSeconds, type: 'TXT', strings: [text] };
  }

  #asks(type: 'SOA' | 'NS' | 'TXT' | 'SRV'): boolean {
    return this.#type === typeCode[type] || this.#type === typeCode.ANY;
  }

  #noData(depends?: Dependencies): Answer {
    return negative(rcode.noError, this.#authority(), depends);
  }

  #nameError(depends?: Dependencies): Answer {
    return negative(rcode.nameError, this.#authority(), depends);
  }

  #authority(): Resource & Authority {
    return {
      ...{ name: this.#zone.domain, ttlSeconds, type: 'SOA' },
      ...{ primary: ['ns', 'dns', ...this.#zone.domain], mailbox: ['hostmaster', ...this.#zone.domain] },
      serial: this.#source.catalog.revision >>> 0,
      ...{ refreshSeconds: 7_200, retrySeconds: 1_800, expireSeconds: 86_400, minimumSeconds: ttlSeconds },
    };
  }
}

/** The name of a virtual address: its service. */
export function clusterPointer({ namespace, name }: ServiceRef, zone: ClusterZone, reverse: Name): Resource {
  const target = [...name.split('.'), namespace, 'svc', ...zone.domain];
  return { name: reverse, ttlSeconds, type: 'PTR', target };
}

function addressesOf(target: Name, address: string): readonly Resource[] {
  const record = addressRecord(target, ttlSeconds, address);
  return record === undefined ? [] : [record];
}

/** Of a service that no manifest defines, its registrations; of any, the endpoints behind it. */
function dependsOn({ name }: ServiceRef, ports: readonly ClusterPort[]): Dependencies {
  return { services: [name], nodes: [], traffic: [anyRule, ...ports.map(({ cluster }) => cluster)] };
}
