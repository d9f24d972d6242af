import type { AnnotationGroup } from './draft.ts';

/** `custom-http-errors`, `default-backend`: who answers in place of errors, and where no endpoint is. */
export const errorAnnotations: AnnotationGroup = (read, draft, { rule, context }) => {
  const name = read.text('default-backend');
  const said = read.list('custom-http-errors') ?? [];
  const statuses = said
    .map(Number)
    .filter((status) => Number.isInteger(status) && status >= 300 && status <= 599);
  if (statuses.length < said.length) {
    const message = `${said.join(', ')} are not all statuses of 300 to 599: the others hold`;
    read.report('error', 'annotation-invalid', 'custom-http-errors', message);
  }
  if (name === undefined) {
    if (statuses.length > 0) {
      const message =
        'needs default-backend, the service that answers instead: errors go to the client as they are';
      read.report('warning', 'annotation-without-effect', 'custom-http-errors', message);
    }
    return;
  }
  const backend = context.backend(rule.namespace, name);
  // The first port, as ingress-nginx has it; one that only registrations make takes any.
  const port = backend?.ports[0]?.port ?? (backend?.type === 'registrations' ? 1 : undefined);
  const found = port === undefined ? undefined : context.backendPort(rule.namespace, name, { number: port });
  if (found === undefined || 'problem' in found) {
    const message = `there is no service ${name} with a port in namespace ${rule.namespace}`;
    read.report('error', 'service-missing', 'default-backend', message);
    return;
  }
  draft.policies.fallback = {
    statuses,
    choices: [
      {
        type: 'cluster',
        cluster: found.cluster,
        headers: [
          { name: 'x-namespace', value: rule.namespace },
          { name: 'x-ingress-name', value: rule.name },
        ],
        status: 'choice',
      },
    ],
  };
};
