import type { DestinationRule, IstioDestination, ServiceEntry } from '../../../rules/istio.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import type { FixedEndpoint, PlanContext } from '../contract.ts';
import { istioApi } from './names.ts';
import { settingsOf } from './traffic-policy.ts';

/** The cluster of a ServiceEntry's host at a port, with what a DestinationRule says of it. */
export function externalCluster(
  entry: RuleOf<ServiceEntry>,
  { host, subset, port }: IstioDestination,
  context: PlanContext,
  path: string,
): string | undefined {
  const { ports = [] } = entry.manifest.spec;
  const wanted = port?.number === undefined ? ports[0] : ports.find(({ number }) => number === port.number);
  if (wanted === undefined) {
    const has = ports.map(({ number }) => number).join(', ');
    const message = `ServiceEntry ${entry.name} has no port ${port?.number ?? ''}: it has ${has === '' ? 'none' : has}`;
    context.report('error', 'service-port-missing', message, `${path}.port`);
    return undefined;
  }
  const rule = ruleOfHost(host, context);
  const named = rule?.manifest.spec.subsets?.find(({ name }) => name === subset);
  if (subset !== undefined && named === undefined) {
    const message = `"${host}" has no subset ${subset}: a DestinationRule has to define it`;
    context.report('error', 'subset-missing', message, `${path}.subset`);
    return undefined;
  }
  const labels = Object.entries(named?.labels ?? {});
  const endpoints = endpointsOf(entry, host, wanted).filter(({ labels: own = {} }) =>
    labels.every(([key, value]) => Object.hasOwn(own, key) && own[key] === value),
  );
  const from = { namespace: rule?.namespace ?? entry.namespace, context, path: '' };
  const settings = {
    ...settingsOf(rule?.manifest.spec.trafficPolicy, from),
    ...settingsOf(named?.trafficPolicy, from),
  };
  const id = `${host}:${wanted.number}${subset === undefined ? '' : `#${subset}`}`;
  return context.fixedCluster(id, endpoints, settings);
}

function ruleOfHost(host: string, context: PlanContext): RuleOf<DestinationRule> | undefined {
  return context
    .rules<DestinationRule>(istioApi, 'DestinationRule')
    .find(({ manifest }) => manifest.spec.host.toLowerCase() === host.toLowerCase());
}

/** What it lists; where it lists nothing, the host itself by its name. */
function endpointsOf(
  entry: RuleOf<ServiceEntry>,
  host: string,
  port: NonNullable<ServiceEntry['spec']['ports']>[number],
): FixedEndpoint[] {
  const { endpoints = [] } = entry.manifest.spec;
  const usual = port.targetPort ?? port.number;
  if (endpoints.length === 0) return host.startsWith('*') ? [] : [{ address: host, port: usual }];
  return endpoints.flatMap(({ address, ports = {}, labels, weight, locality }): FixedEndpoint[] => {
    if (address === undefined || address.startsWith('unix:')) return [];
    const own = Object.hasOwn(ports, port.name) ? ports[port.name] : undefined;
    const zone = locality?.split('/')[1];
    const all = { ...(zone === undefined ? {} : { zone }), ...labels };
    return [
      {
        ...{ address, port: own ?? usual },
        ...(Object.keys(all).length === 0 ? {} : { labels: all }),
        ...(weight === undefined ? {} : { weight }),
      },
    ];
  });
}
