import type { ServerResponse } from 'node:http';

export type Answer = { readonly status?: number } & ({ readonly json: unknown } | { readonly html: string });

export function answerWith(response: ServerResponse, answer: Answer): void {
  const [type, body] =
    'html' in answer ? ['text/html', answer.html] : ['application/json', `${JSON.stringify(answer.json)}\n`];
  response.writeHead(answer.status ?? 200, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    // The page needs its own style and nothing else.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  });
  response.end(body);
}
