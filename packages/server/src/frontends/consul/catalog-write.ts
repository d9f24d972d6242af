import { bodyText } from '../../http/body.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import { deregisterFromCatalog, registerInCatalog } from './catalog-intents.ts';
import { Fields, parseJson } from './fields.ts';
import { refuseEnterpriseScopes } from './query.ts';
import { catalogOrigin } from './self.ts';
import { readCatalogDeregistration, readCatalogRegistration } from './translate-catalog.ts';

/** `PUT /v1/catalog/register` */
export const register: Handler = async (call) => {
  const { engine, identity } = call.context;
  const fields = readBody(call);
  if (!isOurs(fields, identity.datacenter)) return text(500, 'No path to datacenter');
  const registration = readCatalogRegistration(fields, identity.datacenter, catalogOrigin(identity));
  await engine.submit((draft) => registerInCatalog(draft, registration));
  return localJson(call, true);
};

/** `PUT /v1/catalog/deregister` */
export const deregister: Handler = async (call) => {
  const { engine, identity } = call.context;
  const fields = readBody(call);
  if (!isOurs(fields, identity.datacenter)) return text(500, 'No path to datacenter');
  const wanted = readCatalogDeregistration(fields);
  await engine.submit((draft) => deregisterFromCatalog(draft, wanted));
  return localJson(call, true);
};

function readBody(call: Call): Fields {
  refuseEnterpriseScopes(call.query);
  return new Fields(parseJson(bodyText(call.body)));
}

function isOurs(fields: Fields, datacenter: string): boolean {
  const wanted = fields.string('Datacenter');
  return wanted === '' || wanted === datacenter;
}
