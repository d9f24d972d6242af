import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testServer } from '../server.fixture.ts';
import type { GatewayStatus } from './status.ts';

const api = '/portolan/v1/resources/gateway.networking.k8s.io/v1';

const manifests = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: theirs}
spec: {controllerName: example.com/other}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: portolan
  listeners:
    - {name: http, port: 8081, protocol: HTTP}
    - {name: https, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: nowhere}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec:
  parentRefs: [{name: edge, sectionName: http}, {name: missing}]
  rules: [{backendRefs: [{name: nobody, port: 80}]}]
`;

test('Gateway API’s conditions follow from what the planner says', async (t) => {
  const { call } = await testServer(t);
  await call('POST', '/portolan/v1/apply', manifests);
  const statusOf = async (path: string): Promise<GatewayStatus> =>
    ((await call('GET', `${api}/${path}`)).json as { status: GatewayStatus }).status;
  const shown = (conditions: GatewayStatus['conditions'] = []): string =>
    conditions.map(({ type, status, reason }) => `${type}=${status}(${reason})`).join(' ');

  const gateway = await statusOf('gateways/default/edge');
  assert.equal(shown(gateway.conditions), 'Accepted=True(Accepted) Programmed=True(Programmed)');
  assert.deepEqual(
    gateway.listeners?.map(({ name, conditions }) => `${name} ${shown(conditions)}`),
    [
      'http Accepted=True(Accepted) ResolvedRefs=True(ResolvedRefs) Programmed=True(Programmed)',
      'https Accepted=True(Accepted) ResolvedRefs=False(InvalidCertificateRef) Programmed=False(Invalid)',
    ],
  );
  const good = await statusOf('httproutes/default/good');
  assert.deepEqual(
    good.parents?.map(({ conditions }) => shown(conditions)),
    ['Accepted=True(Accepted) ResolvedRefs=True(ResolvedRefs)'],
  );
  assert.equal(good.parents?.[0]?.conditions[0]?.observedGeneration, 1);
  const bad = await statusOf('httproutes/default/bad');
  assert.deepEqual(
    bad.parents?.map(({ parentRef, conditions }) => `${parentRef.name} ${shown(conditions)}`),
    [
      'edge Accepted=True(Accepted) ResolvedRefs=False(BackendNotFound)',
      'missing Accepted=False(NoMatchingParent) ResolvedRefs=False(BackendNotFound)',
    ],
  );
  assert.equal((await statusOf('gatewayclasses/_/theirs')).conditions, undefined);
});
