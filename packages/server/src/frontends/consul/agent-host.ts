import { arch, cpus, freemem, hostname, platform, release, totalmem, uptime } from 'node:os';
import { type Handler, localJson, text } from './call.ts';

/** `GET /v1/agent/host`: the machine. Source: https://developer.hashicorp.com/consul/api-docs/agent#retrieve-host-information */
export const host: Handler = (call) => {
  const [total, available] = [totalmem(), freemem()];
  const nowMs = call.context.clock.wallMs();
  return localJson(call, {
    Memory: {
      total,
      available,
      used: total - available,
      usedPercent: ((total - available) / total) * 100,
      free: available,
    },
    CPU: cpus().map(({ model, speed }, cpu) => ({ cpu, cores: 1, modelName: model, mhz: speed })),
    Host: {
      hostname: hostname(),
      uptime: Math.round(uptime()),
      bootTime: Math.round(nowMs / 1000 - uptime()),
      os: platform(),
      kernelVersion: release(),
      kernelArch: arch(),
    },
    Disk: null,
    CollectionTime: Math.round(nowMs) * 1_000_000,
    Errors: null,
  });
};

/** `PUT /v1/agent/leave`. Who may register a service may not end the server. */
export const leave: Handler = () =>
  text(403, 'Permission denied: stop the process to make this server leave');

/** `PUT /v1/agent/join/:address`: servers meet in their store, there is no gossip to join. */
export const join: Handler = (call) =>
  call.argument === ''
    ? text(400, 'Missing address')
    : text(500, '1 error occurred: there is no gossip to join; servers that share a store know one another');

/** `PUT /v1/agent/force-leave/:node` */
export const forceLeave: Handler = (call) => {
  const { node } = call.context.identity;
  if (call.argument === node) return text(403, `Permission denied: ${node} is this server itself`);
  return text(500, `agent: No node found with name '${call.argument}'`);
};
