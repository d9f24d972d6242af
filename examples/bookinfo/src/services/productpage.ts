import type { Answer } from '../answer.ts';
import { renderPage } from '../page.ts';
import type { Call, ServiceDefinition } from '../run-service.ts';

const product = {
  id: 0,
  title: 'The Comedy of Errors',
  description:
    'A merchant of Syracuse looks for a lost son in Ephesus, where both his sons and both their servants are taken for one another all day long.',
};

/** The page, and the same as JSON under `/api/v1/products`. */
export const productpage: ServiceDefinition = {
  name: 'productpage',
  version: 'v1',
  handle(path, call) {
    switch (path) {
      case '/':
      case '/productpage':
        return page(call);
      case '/api/v1/products':
        return { json: [product] };
      case '/api/v1/products/0':
        return passOn(call, 'http://details/details/0');
      case '/api/v1/products/0/reviews':
        return passOn(call, 'http://reviews/reviews/0');
      case '/api/v1/products/0/ratings':
        return passOn(call, 'http://ratings/ratings/0');
      default:
        return undefined;
    }
  },
};

async function page(call: Call): Promise<Answer> {
  const [details, reviews] = await Promise.all([
    call('http://details/details/0').then(read, failed),
    call('http://reviews/reviews/0').then(read, failed),
  ]);
  return { html: renderPage(product, details, reviews) };
}

async function passOn(call: Call, target: string): Promise<Answer> {
  try {
    const response = await call(target);
    return { status: response.status, json: await response.json() };
  } catch (thrown) {
    return { status: 503, json: { error: failed(thrown).error } };
  }
}

async function read(response: Response): Promise<unknown> {
  try {
    return response.ok ? await response.json() : { error: `HTTP ${response.status}` };
  } catch (thrown) {
    return failed(thrown);
  }
}

function failed(thrown: unknown): { error: string } {
  return { error: thrown instanceof Error ? thrown.message : String(thrown) };
}
