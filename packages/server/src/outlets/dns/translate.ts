import type { NodeRecord } from '@portolan/core/catalog/records.ts';
import { upstreamDomain } from '../../upstream-names.ts';
import {
  formatAddress,
  fromHexLabel,
  fromReverseName,
  hexLabel,
  isReverseName,
  parseAddress,
} from './address.ts';
import { type Answer, type Dependencies, negative, positive } from './answer.ts';
import { serviceAt } from './cluster/services.ts';
import { clusterAnswer, clusterPointer } from './cluster/translate.ts';
import type { Directory } from './directory.ts';
import { limits } from './limits.ts';
import { type Lookup, parseLookup } from './lookup.ts';
import { type Authority, type Name, type Resource, rcode, typeCode } from './message.ts';
import { foldedText, nameOf, nodeName, serviceName } from './names.ts';
import { addressRecord, wants } from './resource-records.ts';
import { type Candidate, isInDatacenter, select, selectByQuery } from './selection.ts';
import { metadataTexts } from './text-record.ts';
import { upstreamAnswer } from './upstream-zone.ts';
import { isName } from './writer.ts';
import { domainOf, isWithin, type Zone } from './zone.ts';

/**
 * The answer to the question for `type` at `name` (ASCII letters in lower case), or undefined when the name is not ours to
 * answer. Pure: the same catalog gives the same answer; order and choice are left to the sender.
 */
export function answer(directory: Directory, name: Name, type: number, zone: Zone): Answer | undefined {
  return translate(directory, name, type, zone, 0);
}

function translate(
  directory: Directory,
  name: Name,
  type: number,
  zone: Zone,
  depth: number,
): Answer | undefined {
  const [mainDomain = []] = zone.domains;
  if (isReverseName(name)) return new Translation(directory, name, type, zone, mainDomain, depth).reverse();
  const { cluster } = zone;
  if (cluster !== undefined && isWithin(name, cluster.domain)) {
    return clusterAnswer(directory, name.map(foldedText), type, cluster);
  }
  if (isWithin(name, upstreamDomain)) return upstreamAnswer(directory, name.map(foldedText), type);
  const domain = domainOf(name, zone);
  if (domain === undefined) return undefined;
  const labels = name.slice(0, name.length - domain.length).map(foldedText);
  return new Translation(directory, name, type, zone, domain, depth).lookup(parseLookup(labels));
}

class Translation {
  readonly #directory: Directory;
  readonly #name: Name;
  readonly #type: number;
  readonly #zone: Zone;
  readonly #domain: Name;
  /** How many aliases led here. */
  readonly #depth: number;

  constructor(directory: Directory, name: Name, type: number, zone: Zone, domain: Name, depth: number) {
    this.#directory = directory;
    this.#name = name;
    this.#type = type;
    this.#zone = zone;
    this.#domain = domain;
    this.#depth = depth;
  }

  lookup(lookup: Lookup): Answer {
    switch (lookup.kind) {
      case 'apex':
        return this.#apex();
      case 'name-server':
        return this.#addresses([this.#zone.serverAddress], this.#zone.nodeTtlSeconds, undefined);
      case 'empty':
        return this.#knowsDatacenter(lookup.datacenter) ? this.#noData() : this.#nameError();
      case 'address':
        return this.#addressLabel(lookup.label, lookup.datacenter);
      case 'node':
        return this.#node(lookup.node, lookup.datacenter);
      case 'service':
        return this.#service(lookup);
      case 'query':
        return this.#query(lookup.query, lookup.datacenter);
      case 'unknown':
        return this.#nameError();
    }
  }

  #apex(): Answer {
    const wantsAll = this.#type === typeCode.ANY;
    const server = this.#serverName();
    const fixed: Resource[] = [];
    if (this.#type === typeCode.SOA || wantsAll) fixed.push(this.#authority());
    if (this.#type === typeCode.NS || wantsAll) {
      fixed.push({ name: this.#name, ttlSeconds: this.#zone.nodeTtlSeconds, type: 'NS', target: server });
    }
    if (fixed.length === 0) return this.#noData();
    const glue = addressRecord(server, this.#zone.nodeTtlSeconds, this.#zone.serverAddress);
    return positive({ fixed, additionals: glue === undefined ? [] : [glue] });
  }

  #addressLabel(label: string, datacenter: string | undefined): Answer {
    const bytes = fromHexLabel(label);
    if (bytes === undefined || !this.#knowsDatacenter(datacenter)) return this.#nameError();
    return this.#addresses([formatAddress(bytes)], this.#zone.nodeTtlSeconds, undefined);
  }

  #node(foldedName: string, datacenter: string | undefined): Answer {
    const node = this.#directory.nodeByFoldedName(foldedName)?.record;
    if (node === undefined || !isInDatacenter(node, datacenter ?? this.#zone.datacenter, this.#zone)) {
      return this.#nameError();
    }
    const dependsOn = { services: [], nodes: [node.name] };
    const ttlSeconds = this.#zone.nodeTtlSeconds;
    const texts = () => metadataTexts(node).map((strings) => this.#text(strings, ttlSeconds));
    if (this.#type === typeCode.TXT) {
      const fixed = texts();
      return fixed.length === 0 ? this.#noData(dependsOn) : positive({ fixed, dependsOn });
    }
    const found = this.#addresses(addressesOfNode(node), ttlSeconds, dependsOn);
    if (this.#type === typeCode.ANY) return { ...found, fixed: [...found.fixed, ...texts()] };
    return this.#zone.nodeMetadataAdditional && hasAnswers(found)
      ? { ...found, additionals: texts() }
      : found;
  }

  #text(strings: readonly string[], ttlSeconds: number): Resource {
    return { name: this.#name, ttlSeconds, type: 'TXT', strings };
  }

  #service(lookup: Lookup & { kind: 'service' }): Answer {
    const selection = select(this.#directory, lookup.readings, lookup.datacenter, this.#zone);
    if (selection === undefined) return this.#nameError();
    const dependsOn = { services: lookup.readings.map((reading) => reading.service), nodes: [] };
    if (selection.candidates.length === 0) {
      // Kept only without a tag: tags that nobody has are without number.
      return this.#nameError(selection.tag === '' ? dependsOn : undefined);
    }
    const ttlSeconds = this.#zone.serviceTtlSeconds(selection.service.name.toLowerCase());
    if (this.#type === typeCode.SRV) return this.#locations(selection.candidates, ttlSeconds, dependsOn);
    const addresses = selection.candidates.flatMap(addressesOf);
    return this.#addresses(addresses, ttlSeconds, dependsOn);
  }

  /** Not kept: what a query gives hangs on more than one service. */
  #query(name: string, datacenter: string | undefined): Answer {
    if ((datacenter ?? this.#zone.datacenter) !== this.#zone.datacenter) return this.#nameError();
    const query = this.#directory.preparedQuery(name);
    const candidates = query === undefined ? [] : selectByQuery(this.#directory, query);
    if (query === undefined || candidates.length === 0) return this.#nameError();
    const { service } = query.service;
    const ttlSeconds = query.dnsTtl?.seconds ?? this.#zone.serviceTtlSeconds(service.toLowerCase());
    // The order of SRV records means nothing (RFC 2782): clients choose by priority and weight.
    if (this.#type === typeCode.SRV) return this.#locations(candidates, ttlSeconds, undefined);
    const found = this.#addresses(candidates.flatMap(addressesOf), ttlSeconds, undefined);
    return query.service.near === '' ? found : inOrder(found);
  }

  /**
   * A and AAAA records of these addresses. Where there are host names only, one of them as an alias, followed inside our own
   * zone when it is the only one (RFC 1034 §3.6.2: an alias has no other data, so names beside addresses are left out).
   */
  #addresses(texts: readonly string[], ttlSeconds: number, dependsOn: Dependencies | undefined): Answer {
    const distinct = [...new Set(texts)].filter((text) => text !== '');
    const records = distinct.flatMap((text) => addressRecord(this.#name, ttlSeconds, text) ?? []);
    if (records.length > 0) {
      const shuffled = records.filter((record) => wants(this.#type, record)).slice(0, limits.maxAnswers);
      if (shuffled.length === 0) return this.#noData(dependsOn);
      return positive({ shuffled, shuffledLimit: this.#zone.addressLimit, dependsOn });
    }
    const aliases = distinct.map(nameOf).filter((alias) => alias !== undefined);
    if (aliases.length === 0) return this.#noData(dependsOn);
    const [only, ...others] = aliases;
    if (only === undefined || others.length > 0 || this.#type === typeCode.CNAME) {
      return positive({
        shuffled: aliases.map((target) => this.#alias(target, ttlSeconds)),
        shuffledLimit: 1,
        dependsOn,
      });
    }
    return this.#follow(only, ttlSeconds, dependsOn);
  }

  #alias(target: Name, ttlSeconds: number): Resource {
    return { name: this.#name, ttlSeconds, type: 'CNAME', target };
  }

  #follow(target: Name, ttlSeconds: number, dependsOn: Dependencies | undefined): Answer {
    const folded = target.map((label) => label.toLowerCase());
    const isOurs = domainOf(folded, this.#zone) !== undefined && this.#depth < limits.maxAliases;
    const next = isOurs
      ? translate(this.#directory, folded, this.#type, this.#zone, this.#depth + 1)
      : undefined;
    if (next === undefined) return positive({ fixed: [this.#alias(target, ttlSeconds)], dependsOn });
    return positive({
      ...next,
      rcode: rcode.noError,
      fixed: [this.#alias(folded, ttlSeconds), ...next.fixed],
      authorities: [],
      dependsOn: bothOf(dependsOn, next.dependsOn),
    });
  }

  #locations(
    candidates: readonly Candidate[],
    ttlSeconds: number,
    dependsOn: Dependencies | undefined,
  ): Answer {
    const targets = new Map<string, readonly Resource[]>();
    const shuffled: Resource[] = [];
    const seen = new Set<string>();
    for (const candidate of candidates.slice(0, limits.maxAnswers)) {
      const found = this.#target(candidate);
      if (found === undefined) continue;
      const { target, addresses } = found;
      const key = target.join('.');
      const { port } = candidate.instance;
      // The same place twice (two ids, one address and port) is one record: an RRset has no duplicates.
      if (seen.has(`${key} ${port}`)) continue;
      seen.add(`${key} ${port}`);
      shuffled.push({
        name: this.#name,
        ttlSeconds,
        type: 'SRV',
        priority: 1,
        weight: candidate.weight,
        port,
        target,
      });
      targets.set(
        key,
        addresses.flatMap((address) => addressRecord(target, ttlSeconds, address) ?? []),
      );
    }
    if (shuffled.length === 0) return this.#noData(dependsOn);
    return positive({ shuffled, targets, dependsOn });
  }

  /** Consul's rule: the node's name while the instance lives at the node's address, else the address as a name. */
  #target(candidate: Candidate): { target: Name; addresses: readonly string[] } | undefined {
    const { instance, node } = candidate;
    if (instance.address === '') {
      if (node === undefined) return undefined;
      const addresses = addressesOfNode(node);
      const target = nodeName(node, this.#zone, this.#domain);
      if (target !== undefined) return { target, addresses };
      return this.#addressTarget(node.address);
    }
    return this.#addressTarget(instance.address);
  }

  #addressTarget(address: string): { target: Name; addresses: readonly string[] } | undefined {
    const bytes = parseAddress(address);
    if (bytes !== undefined) {
      const target = [hexLabel(bytes), 'addr', this.#zone.datacenter, ...this.#domain];
      return isName(target) ? { target, addresses: [address] } : undefined;
    }
    const target = nameOf(address);
    // Addresses of a foreign name are not ours to tell.
    return target === undefined ? undefined : { target, addresses: [] };
  }

  reverse(): Answer | undefined {
    const bytes = fromReverseName(this.#name);
    if (bytes === undefined) return undefined;
    const virtual = this.#virtualPointer(formatAddress(bytes));
    if (virtual !== undefined) return virtual;
    const owners = this.#directory.ownersOf(formatAddress(bytes));
    const names = new Map<string, Name>();
    for (const owner of owners) {
      const name =
        owner.kind === 'node'
          ? nodeName(owner.node, this.#zone, this.#domain)
          : serviceName(owner.instance.service, this.#zone, this.#domain);
      if (name !== undefined && names.size < limits.maxPointers)
        names.set(name.join('.').toLowerCase(), name);
    }
    if (names.size === 0) return undefined;
    if (this.#type !== typeCode.PTR && this.#type !== typeCode.ANY) return this.#noData();
    const ttlSeconds = this.#zone.nodeTtlSeconds;
    const fixed = [...names.values()].map(
      (target): Resource => ({ name: this.#name, ttlSeconds, type: 'PTR', target }),
    );
    return positive({ fixed });
  }

  /** A virtual address is its Service's, and nobody else's. */
  #virtualPointer(address: string): Answer | undefined {
    const { cluster } = this.#zone;
    const service = cluster === undefined ? undefined : serviceAt(this.#directory, address);
    if (cluster === undefined || service === undefined) return undefined;
    if (this.#type !== typeCode.PTR && this.#type !== typeCode.ANY) return this.#noData();
    return positive({ fixed: [clusterPointer(service, cluster, this.#name)] });
  }

  #knowsDatacenter(datacenter: string | undefined): boolean {
    if (datacenter === undefined || datacenter === this.#zone.datacenter) return true;
    return Iterator.from(this.#directory.catalog.nodes()).some(
      (entry) => entry.record.datacenter.toLowerCase() === datacenter,
    );
  }

  #noData(dependsOn?: Dependencies): Answer {
    return negative(rcode.noError, this.#authority(), dependsOn);
  }

  #nameError(dependsOn?: Dependencies): Answer {
    return negative(rcode.nameError, this.#authority(), dependsOn);
  }

  #serverName(): Name {
    return ['ns', ...this.#domain];
  }

  #authority(): Resource & Authority {
    return {
      name: this.#domain,
      ttlSeconds: this.#zone.negativeTtlSeconds,
      type: 'SOA',
      primary: this.#serverName(),
      mailbox: ['hostmaster', ...this.#domain],
      serial: this.#directory.catalog.revision >>> 0,
      refreshSeconds: 3_600,
      retrySeconds: 600,
      expireSeconds: 86_400,
      minimumSeconds: this.#zone.negativeTtlSeconds,
    };
  }
}

/** The nearest first, in every answer. */
function inOrder(found: Answer): Answer {
  const first = found.shuffledLimit === 0 ? found.shuffled : found.shuffled.slice(0, found.shuffledLimit);
  return { ...found, fixed: [...found.fixed, ...first], shuffled: [] };
}

function hasAnswers(found: Answer): boolean {
  return found.fixed.length > 0 || found.shuffled.length > 0;
}

function bothOf(left: Dependencies | undefined, right: Dependencies | undefined): Dependencies | undefined {
  if (left === undefined || right === undefined) return undefined;
  return { services: [...left.services, ...right.services], nodes: [...left.nodes, ...right.nodes] };
}

/** Where an instance is reached: its own address, or its node's. */
function addressesOf({ instance, node }: Candidate): string[] {
  if (instance.address === '') return node === undefined ? [] : addressesOfNode(node);
  const { lan_ipv4, lan_ipv6 } = instance.taggedAddresses;
  return inBothFamilies(instance.address, lan_ipv4?.address, lan_ipv6?.address);
}

function addressesOfNode(node: NodeRecord): string[] {
  return inBothFamilies(node.address, node.taggedAddresses.lan_ipv4, node.taggedAddresses.lan_ipv6);
}

/** The main address, and a tagged one for the family that it is not of. */
function inBothFamilies(main: string, ipv4: string | undefined, ipv6: string | undefined): string[] {
  const mainBytes = parseAddress(main)?.length;
  const addresses = [main];
  if (mainBytes !== 4 && ipv4 !== undefined && parseAddress(ipv4)?.length === 4) addresses.push(ipv4);
  if (mainBytes !== 16 && ipv6 !== undefined && parseAddress(ipv6)?.length === 16) addresses.push(ipv6);
  return addresses;
}
