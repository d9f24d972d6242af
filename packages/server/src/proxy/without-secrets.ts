const hidden = '(hidden)';

/** The fields of the model that nobody may see: keys of certificates, hashes of passwords. See `traffic/listener.ts` and `route.ts`. */
const secret: Readonly<Record<string, (value: unknown) => unknown>> = {
  key: (value) => (typeof value === 'string' && value.includes('PRIVATE KEY') ? hidden : value),
  users: (value) =>
    Array.isArray(value) ? value.map((line) => `${String(line).split(':', 1)[0]}:${hidden}`) : value,
  password: () => hidden,
  secret: () => hidden,
  token: () => hidden,
};

/** A copy of the model that may be shown. */
export function withoutSecrets(model: unknown): unknown {
  const show = (key: string, value: unknown): unknown => secret[key]?.(value) ?? value;
  return JSON.parse(JSON.stringify(model, show));
}
