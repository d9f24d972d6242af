import { type Topic, topicOf } from '@portolan/core/catalog/reader.ts';
import { blocking, jsonContent } from './blocking.ts';
import { type Call, done, type Handler, localJson, text } from './call.ts';
import { named } from './health.ts';

/**
 * What Consul has and Portolan has not, answered as a Consul answers where it is switched off, so that clients go their ways for
 * that: never a hang, never a page.
 */

const aclDisabled = text(401, 'ACL support disabled');

/** `/v1/acl/…`, `/v1/agent/token/…` */
export const acl: Handler = () => aclDisabled;

const connectDisabled = text(500, 'Connect must be enabled in order to use this endpoint');

/** `/v1/connect/ca/…`, `/v1/agent/connect/…`, `/v1/discovery-chain/…` */
export const connect: Handler = () => connectDisabled;

const peeringDisabled = text(500, 'peering must be enabled to use this endpoint');

/** `/v1/peering…` */
export const peering: Handler = () => peeringDisabled;

/** A list of what there is none of here. It can be waited for, so that who watches it does not ask without end. */
function nothingIn(topic: (call: Call) => Topic): Handler {
  return blocking({ topic, content: (call) => jsonContent(call, []) });
}

/** Gateways and mesh proxies of a service. */
export const noProxies = nothingIn((call) => topicOf.service(named(call, 'service name')));

/** Intentions, configuration entries. */
export const noRules = nothingIn(() => topicOf.rules);

/** `GET /v1/config/:kind` and `GET /v1/config/:kind/:name` */
export const configEntry: Handler = (call) => {
  const [kind = '', ...name] = call.argument.split('/');
  if (kind === '') return text(400, 'Must provide either a kind or both kind and name');
  if (name.length === 0) return noRules(call);
  return text(404, `Config entry not found for "${kind}" / "${name.join('/')}"`);
};

/** `DELETE /v1/config/:kind/:name`: what does not exist is as good as deleted. */
export const deleteConfigEntry: Handler = (call) => localJson(call, {});

const configRefused = text(
  500,
  'Configuration entries are not kept by this server: there is no service mesh in it',
);

/** `PUT /v1/config` */
export const putConfigEntry: Handler = () => configRefused;

const intentionRefused = text(500, 'Intentions are not kept by this server: there is no service mesh in it');

/** Writes under `/v1/connect/intentions` */
export const putIntention: Handler = () => intentionRefused;

const intentionMissing = text(404, 'Intention not found');

/** `GET /v1/connect/intentions/exact` and by id */
export const intention: Handler = () => intentionMissing;

/** Takes the request and does nothing, as there is nothing to do. */
export const accepted: Handler = () => done;
