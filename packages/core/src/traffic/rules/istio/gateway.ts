import { textFromBase64 } from '../../../base/base64-text.ts';
import type { IstioGateway, IstioServer } from '../../../rules/istio.ts';
import type { Secret } from '../../../rules/kubernetes.ts';
import type { TlsAction } from '../../listener.ts';
import type { ListenerContribution, PlanContext, TlsContribution, Translator } from '../contract.ts';
import { terminate } from '../edge-certificates.ts';
import { type Age, ageOf, rankByAge } from '../rank.ts';
import { type Entrance, entrancesOf } from './gateways.ts';
import { istioApi } from './names.ts';

/** Doors and certificates. The selector says which proxies are meant in a cluster; here there is this one. */
export const istioGatewayTranslator: Translator<IstioGateway> = {
  apiVersion: istioApi,
  kind: 'Gateway',
  translate(gateway, context) {
    const age = ageOf(gateway);
    const entrances = entrancesOf(gateway, context, undefined, (code, message, path) =>
      context.report('error', code, message, path),
    );
    return {
      listeners: entrances.flatMap((entrance) => doorOf(entrance, age)),
      tlsHosts: entrances.flatMap((entrance) => hostsOf(entrance, age, context)),
    };
  },
};

/** Named and made as those of Gateway API, so that both share a port. TCP is opened by the rule that says where it leads. */
function doorOf({ kind, bind, port, table, path }: Entrance, age: Age): ListenerContribution[] {
  if (typeof bind === 'string' || kind === 'tcp') return [];
  const protocol = kind === 'http' ? 'http' : 'tls';
  const at = bind.address === undefined ? `${port}` : `${bind.address}-${port}`;
  const listener = { name: `gateway-${protocol}-${at}`, protocol, bind, table } as const;
  return [{ listener, rank: rankByAge(age), path }];
}

function hostsOf(entrance: Entrance, age: Age, context: PlanContext): TlsContribution[] {
  if (entrance.kind !== 'https') return [];
  const { table, hosts, path } = entrance;
  return hosts.flatMap((serverName): TlsContribution[] => {
    const made = terminationOf(entrance, serverName, context);
    if (made === undefined) return [];
    const action = { ...terminate(made.certificates, table), ...made.more };
    return [{ table, serverName, rank: rankByAge(age), action, path }];
  });
}

type Terminate = Extract<TlsAction, { type: 'terminate' }>;

/** How TLS ends at an entrance; undefined: there is no certificate at all. */
export function terminationOf(
  { server, namespace, path }: Entrance,
  serverName: string,
  context: PlanContext,
):
  | { readonly certificates: readonly string[]; readonly more: Pick<Terminate, 'clientAuth' | 'minVersion'> }
  | undefined {
  const tls = server?.tls ?? {};
  const certificates = certificatesOf(tls, namespace, context, path);
  const fallback = certificates.length === 0 ? context.edgeCertificate(serverName) : undefined;
  if (fallback !== undefined) certificates.push(fallback);
  if (certificates.length === 0) return undefined;
  const clientAuth = clientAuthOf(tls, namespace, context, path);
  const minVersion = minVersionOf(tls.minProtocolVersion);
  return {
    certificates,
    more: {
      ...(clientAuth === undefined ? {} : { clientAuth }),
      ...(minVersion === undefined ? {} : { minVersion }),
    },
  };
}

type ServerTls = NonNullable<IstioServer['tls']>;

function certificatesOf(tls: ServerTls, namespace: string, context: PlanContext, path: string): string[] {
  const names = tls.credentialNames ?? (tls.credentialName === undefined ? [] : [tls.credentialName]);
  const found = names.flatMap((name) => {
    const certificate = context.certificate(namespace, name);
    if ('name' in certificate) return [certificate.name];
    const message = `${certificate.problem}: the default certificate is shown`;
    context.report('error', 'certificate-missing', message, `${path}.tls.credentialName`);
    return [];
  });
  if (names.length === 0 && tls.serverCertificate !== undefined) {
    const message =
      'files of a proxy are not read here: put the certificate into a Secret and name it in credentialName; until then the default certificate is shown';
    context.report('error', 'certificate-missing', message, `${path}.tls.serverCertificate`);
  }
  return found;
}

/** The authorities are in the Secret itself (`ca.crt`), or in one of that name with `-cacert`. */
function clientAuthOf(
  { mode, credentialName = '' }: ServerTls,
  namespace: string,
  context: PlanContext,
  path: string,
): Terminate['clientAuth'] {
  if (mode !== 'MUTUAL' && mode !== 'OPTIONAL_MUTUAL') return undefined;
  const ca = authorityIn(namespace, credentialName, context);
  if (ca !== undefined) return { ca, mode: mode === 'MUTUAL' ? 'required' : 'optional' };
  const message = `clients cannot be verified: neither Secret ${credentialName} has a ca.crt nor is there a Secret ${credentialName}-cacert; no client is let in`;
  context.report('error', 'client-authority-missing', message, `${path}.tls.credentialName`);
  // Nobody has a certificate of an authority that does not exist: better shut than open.
  return { ca: '', mode: 'required' };
}

/** PEM of `ca.crt` or `cacert`. */
export function authorityIn(namespace: string, name: string, context: PlanContext): string | undefined {
  for (const secret of [name, `${name}-cacert`]) {
    const data = context.rule<Secret>('v1', 'Secret', namespace, secret)?.manifest.data ?? {};
    for (const key of ['ca.crt', 'cacert']) {
      const text = Object.hasOwn(data, key) ? textFromBase64(data[key] ?? '') : undefined;
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

function minVersionOf(text: string | undefined): Terminate['minVersion'] {
  if (text === 'TLSV1_2') return 'TLSv1.2';
  return text === 'TLSV1_3' ? 'TLSv1.3' : undefined;
}
