import type { GatewayResource } from '../../../rules/gateway-api.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import type { ListenerContribution, PlanContext, TlsContribution, Translator } from '../contract.ts';
import { terminate } from '../edge-certificates.ts';
import { ageOf, rankByAge } from '../rank.ts';
import { isGranted } from './grants.ts';
import { isOurClass, type Opening, openingsOf } from './listeners.ts';
import { gatewayApi, gatewayGroup } from './names.ts';

/** Doors and certificates; what goes through them is the routes' business. */
export const gatewayTranslator: Translator<GatewayResource> = {
  apiVersion: gatewayApi,
  kind: 'Gateway',
  translate(gateway, context) {
    const { gatewayClassName } = gateway.manifest.spec;
    if (!isOurClass(gatewayClassName, context)) {
      const message = `class ${gatewayClassName} is not ours, so that it is left to others: name portolan to have it here`;
      context.report('info', 'class-unknown', message, 'spec.gatewayClassName');
      return {};
    }
    const openings = openingsOf(gateway, context, (code, message, path) =>
      context.report('error', code, message, path),
    );
    return {
      listeners: openings.flatMap((opening) => doorOf(opening, gateway)),
      tlsHosts: openings.flatMap((opening) => hostOf(opening, gateway, context)),
    };
  },
};

/** The same for all Gateways on a port, so that they share it. Ports of TCP and UDP are opened by the route that says where they lead. */
function doorOf(
  { protocol, bind, port, table, path }: Opening,
  gateway: RuleOf<GatewayResource>,
): ListenerContribution[] {
  if (typeof bind === 'string' || protocol === 'TCP' || protocol === 'UDP') return [];
  const kind = protocol === 'HTTP' ? 'http' : 'tls';
  const listener = { name: `gateway-${kind}-${port}`, protocol: kind, bind, table } as const;
  return [{ listener, rank: rankByAge(ageOf(gateway)), path }];
}

function hostOf(opening: Opening, gateway: RuleOf<GatewayResource>, context: PlanContext): TlsContribution[] {
  if (opening.protocol !== 'HTTPS') return [];
  const certificates = certificatesOf(opening, gateway, context);
  if (certificates.length === 0) return [];
  const { table, path, hostname = '*' } = opening;
  const action = terminate(certificates, table);
  return [{ table, serverName: hostname, rank: rankByAge(ageOf(gateway)), action, path }];
}

/** Those of the references that are there; without any the edge's own, so that the door does not stay shut. */
export function certificatesOf(
  { listener, hostname = '*', path }: Opening,
  { namespace }: Pick<RuleOf<GatewayResource>, 'namespace'>,
  context: PlanContext,
): string[] {
  const names: string[] = [];
  for (const [index, ref] of (listener?.tls?.certificateRefs ?? []).entries()) {
    const where = `${path}.tls.certificateRefs[${index}]`;
    const { group = '', kind = 'Secret', name } = ref;
    if (group !== '' || kind !== 'Secret') {
      context.report('error', 'invalid-certificate-ref', `a ${kind} is no certificate: name a Secret`, where);
      continue;
    }
    const toNamespace = ref.namespace ?? namespace;
    const granted = isGranted(context, {
      ...{ fromGroup: gatewayGroup, fromKind: 'Gateway', fromNamespace: namespace },
      ...{ toGroup: '', toKind: 'Secret', toNamespace, toName: name },
    });
    const found = granted
      ? context.certificate(toNamespace, name)
      : {
          problem: `no ReferenceGrant in namespace ${toNamespace} lets a Gateway of ${namespace} refer to it`,
        };
    if ('name' in found) names.push(found.name);
    else context.report('error', 'invalid-certificate-ref', `Secret ${name}: ${found.problem}`, where);
  }
  if (names.length > 0) return names;
  const fallback = context.edgeCertificate(hostname);
  return fallback === undefined ? [] : [fallback];
}
