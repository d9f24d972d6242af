// `npm run bench -- NAME …`: side-by-side measurements, each printing a table. Without a name, all of them.
/** Of those that have any: `--quick` measures shortly, `--only=TEXT` the scenarios whose name contains it. */
const options = process.argv.slice(2).filter((word) => word.startsWith('--'));

const benches: Readonly<Record<string, () => Promise<void>>> = {
  gateway: async () => (await import('./gateway/gateway.ts')).gatewayBench(options),
  handshakes: async () => (await import('./gateway/handshakes.ts')).handshakesBench(),
  faults: async () => (await import('./faults.ts')).faultsBench(),
  churn: async () => (await import('./churn.ts')).churnBench(),
  registry: async () => (await import('./registry.ts')).registryBench(),
  dns: async () => (await import('./dns.ts')).dnsBench(),
  watch: async () => (await import('./watch.ts')).watchBench(),
  change: async () => (await import('./change.ts')).changeBench(),
  plan: async () => (await import('./plan.ts')).planBench(),
  health: async () => (await import('./health.ts')).healthBench(),
  route: async () => (await import('./route.ts')).routeBench(),
  policies: async () => (await import('./policies.ts')).policiesBench(),
  router: async () => (await import('./router.ts')).routerBench(),
  template: async () => (await import('./template.ts')).templateBench(),
  start: async () => (await import('./start.ts')).startBench(),
};

const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(
    `npm run bench: no bench named ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}`,
  );
  process.exitCode = 2;
} else {
  for (const name of names.length === 0 ? Object.keys(benches) : names) await benches[name]?.();
}
