import type { ConfigMap } from '../../../rules/kubernetes.ts';
import type { BackendPort, ListenerContribution, PlanContext, Translator } from '../contract.ts';
import { ageOf, rankByAge } from '../rank.ts';

/** As ingress-nginx's manual and its chart name them; of any namespace. */
const transports: ReadonlyMap<string, 'tcp' | 'udp'> = new Map([
  ['tcp-services', 'tcp'],
  ['ingress-nginx-tcp', 'tcp'],
  ['udp-services', 'udp'],
  ['ingress-nginx-udp', 'udp'],
]);

/**
 * A ConfigMap that opens ports as ingress-nginx's `--tcp-services-configmap` and `--udp-services-configmap` do: each key is a port of the
 * gateway, each value `namespace/service:port[:PROXY[:PROXY]]`. The first PROXY is expected of clients, the second is sent on. Every other
 * ConfigMap is left alone.
 */
export const streamServicesTranslator: Translator<ConfigMap> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  translate(rule, context) {
    const protocol = transports.get(rule.name);
    if (protocol === undefined) return {};
    const rank = rankByAge(ageOf(rule));
    const listeners: ListenerContribution[] = [];
    for (const [key, text] of Object.entries(rule.manifest.data ?? {})) {
      const path = `data["${key}"]`;
      const port = /^\d{1,5}$/.test(key) ? Number(key) : 0;
      if (port < 1 || port > 65_535) {
        context.report('error', 'port-invalid', `"${key}" is no port of 1 to 65535: it is left out`, path);
        continue;
      }
      const service = readService(text, protocol, context, path);
      if (service === undefined) continue;
      const { cluster, expectsProxy } = service;
      const name = `${context.subject}/${port}`;
      const base = { name, bind: { port }, targets: [{ weight: 1, cluster }] };
      const listener =
        protocol === 'udp'
          ? { ...base, protocol }
          : { ...base, protocol, ...(expectsProxy ? { proxyProtocol: true } : {}) };
      listeners.push({ listener: Object.freeze(listener), rank, path });
    }
    return { listeners };
  },
};

interface StreamService {
  readonly cluster: string;
  readonly expectsProxy: boolean;
}

/** `namespace/service:port`, then what of PROXY. */
const form = /^([^/:\s]+)\/([^/:\s]+):([^/:\s]+)(?::(PROXY)?)?(?::(PROXY)?)?$/;

function readService(
  text: string,
  transport: 'tcp' | 'udp',
  context: PlanContext,
  path: string,
): StreamService | undefined {
  const [, namespace, name = '', port = '', decode, encode] = form.exec(text.trim()) ?? [];
  if (namespace === undefined) {
    const message = `"${text}" is not namespace/service:port, with :PROXY after it if need be: it is left out`;
    context.report('error', 'stream-service-invalid', message, path);
    return undefined;
  }
  const found = context.backendPort(
    namespace,
    name,
    /^\d{1,5}$/.test(port) ? { number: Number(port) } : { name: port },
    transport === 'udp' ? 'UDP' : 'TCP',
  );
  if ('problem' in found) {
    const code = found.problem === 'no-service' ? 'service-missing' : 'service-port-missing';
    context.report('error', code, `${found.message}: the port is not opened`, path);
    return undefined;
  }
  return { cluster: clusterOf(found, encode !== undefined, context), expectsProxy: decode !== undefined };
}

/** Octets pass as they are: TLS of the client's must not be spoken twice. */
function clusterOf({ cluster }: BackendPort, sendsProxy: boolean, context: PlanContext): string {
  return sendsProxy ? context.cluster(cluster, { settings: { proxyProtocol: 'v1' } }) : cluster;
}
