import type { DestinationRule, IstioTrafficPolicy } from '../../../rules/istio.ts';
import type { ClusterSettings, SubsetPolicy, Translator } from '../contract.ts';
import { ageOf, rankByAge } from '../rank.ts';
import { istioApi } from './names.ts';
import { serviceOfHost } from './service-host.ts';
import { type PolicySource, settingsOf } from './traffic-policy.ts';

/** How a service's clusters are spoken to, and its subsets. */
export const destinationRuleTranslator: Translator<DestinationRule> = {
  apiVersion: istioApi,
  kind: 'DestinationRule',
  translate(rule, context) {
    const { namespace, manifest } = rule;
    const { host, trafficPolicy, subsets = [], workloadSelector } = manifest.spec;
    if (workloadSelector !== undefined) {
      const message = 'it holds for all proxies here: there is no telling them apart';
      context.report('info', 'unsupported-field', message, 'spec.workloadSelector');
    }
    const service = serviceOfHost(host, namespace, context);
    // A host outside is a ServiceEntry's: the rules that send requests there read this one themselves.
    if (service === undefined) return {};
    const from = (path: string): PolicySource => ({ namespace, context, path });
    const named = subsets.map(({ name, labels = {}, trafficPolicy: own }, index): [string, SubsetPolicy] => {
      const source = from(`spec.subsets[${index}].trafficPolicy`);
      const ports = portSettings(own, source);
      return [name, { labels, settings: settingsOf(own, source), ...(ports === undefined ? {} : { ports }) }];
    });
    const source = from('spec.trafficPolicy');
    const ports = portSettings(trafficPolicy, source);
    return {
      policies: [
        {
          backend: `${service.namespace}/${service.name}`,
          rank: rankByAge(ageOf(rule)),
          settings: settingsOf(trafficPolicy, source),
          ...(ports === undefined ? {} : { ports }),
          ...(named.length === 0 ? {} : { subsets: new Map(named) }),
          path: 'spec.host',
        },
      ],
    };
  },
};

function portSettings(
  policy: IstioTrafficPolicy | undefined,
  { namespace, context, path }: PolicySource,
): ReadonlyMap<number, ClusterSettings> | undefined {
  const levels = policy?.portLevelSettings ?? [];
  if (levels.length === 0) return undefined;
  return new Map(
    levels.map(({ port, ...own }, index) => [
      port.number,
      settingsOf(own, { namespace, context, path: `${path}.portLevelSettings[${index}]` }),
    ]),
  );
}
