import { fileURLToPath } from 'node:url';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import type { Program, TestScope } from '@portolan/testkit/launch-program.ts';

/** The launcher that a user starts. */
export const portolanBin = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));

export interface PortolanProcess {
  readonly program: Program;
  /** `http://127.0.0.1:PORT` of the http listener. */
  readonly http: string;
  readonly ports: Readonly<Record<'http' | 'dns' | 'gateway' | 'proxy-admin', number>>;
}

/** A whole server on free ports, with one worker: as small as the whole can be. */
export async function startPortolan(
  test: TestScope,
  options: { readonly dataDir: string; readonly args?: readonly string[] },
): Promise<PortolanProcess> {
  const { dataDir, args = [] } = options;
  const program = await launchPortolan({ test, dataDir, args: ['--gateway-workers', '1', ...args] });
  const ports = {
    http: program.port('http'),
    dns: program.port('dns'),
    gateway: program.port('gateway'),
    'proxy-admin': program.port('proxy-admin'),
  };
  return { program, http: program.url, ports };
}
