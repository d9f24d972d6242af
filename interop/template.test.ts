import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

const run = promisify(execFile);
const portolan = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));

/** As people write it for nginx: upstreams of every service with the tag http, a fallback where none is healthy. */
const nginxTemplate = `{{ range services }}{{ if .Tags | contains "http" }}
upstream {{ .Name }} {
  {{- range service .Name }}
  server {{ .Address }}:{{ .Port }}; # {{ .ID }} {{ .ServiceMeta.version }}
  {{- else }}
  server 127.0.0.1:65535;
  {{- end }}
}{{ end }}{{ end }}
# {{ keyOrDefault "motd" "none" }}
`;

function folder(t: TestContext): string {
  const directory = tempDir('template');
  t.after(() => directory.remove());
  return directory.path;
}

async function put(url: string, path: string, body: object | string): Promise<void> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${url}${path}`, { method: 'PUT', body: text });
  assert.equal(response.status, 200, await response.text());
}

const instance = (id: string, port: number) => ({
  ID: id,
  Name: 'reviews',
  Port: port,
  Address: '127.0.0.1',
  Tags: ['http'],
  Meta: { version: 'v1' },
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('portolan template keeps a file equal to the registry, and nginx takes it', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  const dir = folder(t);
  const [input, output, log] = ['in.ctmpl', 'out.conf', 'log'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(input, nginxTemplate);
  await put(server.url, '/v1/agent/service/register', instance('r1', 9001));
  await launchProgram({
    command: process.execPath,
    args: [portolan, 'template', '-template', `${input}:${output}:echo reloaded >> ${log}`],
    env: { CONSUL_HTTP_ADDR: server.url },
    test: t,
    ready: () => textOf(output).includes('127.0.0.1:9001; # r1 v1'),
  });
  await put(server.url, '/v1/agent/service/register', instance('r2', 9002));
  await waitUntil(() => textOf(output).includes('127.0.0.1:9002'));
  await put(server.url, '/v1/kv/motd', 'hello');
  await waitUntil(() => textOf(output).includes('# hello'));
  await put(server.url, '/v1/agent/service/deregister/r1', '');
  await put(server.url, '/v1/agent/service/maintenance/r2?enable=true', '');
  await waitUntil(() => textOf(output).includes('server 127.0.0.1:65535;'));
  await waitUntil(() => textOf(log).split('\n').length >= 3);
  if (requireProgram(t, 'nginx') === undefined) return;
  const whole = join(dir, 'nginx.conf');
  writeFileSync(
    whole,
    `pid ${dir}/pid; error_log stderr; events {} http { access_log off; include ${output}; server { listen 127.0.0.1:1; location / { proxy_pass http://reviews; } } }`,
  );
  await run('nginx', ['-t', '-p', dir, '-c', whole], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
});

test('portolan template -once -dry prints and ends; a configuration in HCL does the same', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await put(server.url, '/v1/kv/app/color', 'red');
  const dir = folder(t);
  const input = join(dir, 'in');
  writeFileSync(input, '{{ range ls "app" }}{{ .Key }}={{ .Value }}{{ end }}');
  const address = server.url.replace('http://', '');
  const flags = await run(process.execPath, [
    portolan,
    'template',
    '-consul-addr',
    address,
    '-once',
    '-dry',
    '-template',
    `${input}:${dir}/o`,
  ]);
  assert.equal(flags.stdout, `> ${dir}/o\ncolor=red\n`);
  const hcl = join(dir, 'c.hcl');
  writeFileSync(
    hcl,
    `consul { address = "${address}" }\ntemplate { source = "${input}" destination = "${dir}/p" perms = 0600 }\n`,
  );
  await run(process.execPath, [portolan, 'template', '-config', hcl, '-once']);
  assert.equal(textOf(join(dir, 'p')), 'color=red');
});

test('a template that does not parse, or a flag that is not one, ends with a clear error', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'bad'), 'line\n{{ if }}');
  const failure = async (...args: string[]) => {
    const ended = await run(process.execPath, [portolan, 'template', ...args]).catch(
      (error: { code: number; stderr: string }) => error,
    );
    return `${'code' in ended ? ended.code : 0} ${ended.stderr}`;
  };
  assert.match(
    await failure('-once', '-template', `${dir}/bad:${dir}/out`),
    /^1 portolan template: template: .*bad:2:6: missing value for if/,
  );
  writeFileSync(join(dir, 'fails'), '{{ parseInt "x" }}');
  const failed = await failure('-once', '-template', `${dir}/fails:${dir}/out`);
  assert.match(failed, /^1 portolan template: .*fails/);
  assert.equal(failed.trim().split('\n').length, 1, failed);
  assert.match(await failure('-nope'), /^2 portolan template: unknown argument "-nope"/);
  assert.match(await failure('-template', `${dir}/none:x`), /^1 portolan template: cannot read .*none/);
});

test('-once with a key that is not there says what it waits for', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  const dir = folder(t);
  writeFileSync(join(dir, 'in'), '{{ key "later" }}');
  const runner = await launchProgram({
    command: process.execPath,
    args: [portolan, 'template', '-consul-addr', server.url, '-once', '-template', `${dir}/in:${dir}/out`],
    ready: ({ output }) => /waits for .*later/.test(output()),
    test: t,
  });
  await put(server.url, '/v1/kv/later', 'now');
  assert.equal((await runner.exited).code, 0);
  assert.equal(readFileSync(join(dir, 'out'), 'utf8'), 'now');
});

test('exec mode starts the program when its file is there, and restarts it when the file changed', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await put(server.url, '/v1/kv/v', '1');
  const dir = folder(t);
  writeFileSync(join(dir, 'in'), '{{ key "v" }}');
  const seen = join(dir, 'seen');
  const runner = await launchProgram({
    command: process.execPath,
    args: [
      portolan,
      'template',
      '-consul-addr',
      server.url,
      '-template',
      `${dir}/in:${dir}/out`,
      '-exec',
      `cat ${dir}/out >> ${seen}; exec sleep 1000`,
      '-exec-kill-timeout',
      '2s',
    ],
    test: t,
    ready: () => textOf(seen) === '1',
  });
  await put(server.url, '/v1/kv/v', '2');
  await waitUntil(() => textOf(seen) === '12');
  const exit = await runner.stop();
  assert.equal(exit.code, 0);
});

test('SIGHUP reads the configuration again; a broken one leaves the old one at work', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  await put(server.url, '/v1/kv/v', '1');
  const dir = folder(t);
  const [hcl, log] = [join(dir, 'c.hcl'), join(dir, 'log')];
  const configure = (contents: string) =>
    writeFileSync(
      hcl,
      `consul { address = "${server.url}" }\nlog_file { path = "${log}" }\n` +
        `template { contents = "${contents}" destination = "${dir}/out" }\n`,
    );
  configure('a={{ key `v` }}');
  const runner = await launchProgram({
    command: process.execPath,
    args: [portolan, 'template', '-config', hcl],
    test: t,
    ready: () => textOf(join(dir, 'out')) === 'a=1',
  });
  configure('b={{ key `v` }}');
  process.kill(runner.pid, 'SIGHUP');
  await waitUntil(() => textOf(join(dir, 'out')) === 'b=1');
  configure('{{ if }}');
  process.kill(runner.pid, 'SIGHUP');
  await waitUntil(() => textOf(log).includes('the configuration stays as it was'));
  await put(server.url, '/v1/kv/v', '2');
  await waitUntil(() => textOf(join(dir, 'out')) === 'b=2');
});

test('a burst of registrations ends in the right file, and no reader ever sees a part', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--store', 'memory'] });
  const dir = folder(t);
  const [input, output, log] = [join(dir, 'in'), join(dir, 'out'), join(dir, 'log')];
  writeFileSync(input, '{{ range service "reviews" }}{{ .ID }} {{ end }}end');
  await launchProgram({
    command: process.execPath,
    args: [
      portolan,
      'template',
      '-consul-addr',
      server.url,
      '-template',
      `${input}:${output}:echo x >> ${log}`,
    ],
    test: t,
    ready: () => textOf(output) === 'end',
  });
  const count = 1000;
  let torn = 0;
  const batch = 20;
  for (let n = 0; n < count; n += batch) {
    const bodies = Array.from({ length: batch }, (_, at) => instance(`r${n + at}`, 9000));
    await Promise.all(bodies.map((body) => put(server.url, '/v1/agent/service/register', body)));
    if (!textOf(output).endsWith('end')) torn++;
  }
  await waitUntil(() => textOf(output).split(' ').length === count + 1);
  assert.equal(torn, 0);
  await waitUntil(() => textOf(log) !== '');
  const runs = textOf(log).split('\n').length - 1;
  assert.ok(runs < count / 2, `${runs} commands for ${count} registrations`);
});

test('the templates section of the server keeps files by itself', async (t) => {
  const dir = folder(t);
  const settings = join(dir, 'portolan.yaml');
  writeFileSync(
    settings,
    [
      'store: memory',
      'templates:',
      `  - contents: '{{ range service "reviews" }}{{ .Address }}:{{ .Port }} {{ end }}'`,
      `    destination: ${dir}/addresses`,
      `    command: echo changed >> ${dir}/log`,
    ].join('\n'),
  );
  const server = await launchPortolan({ test: t, args: ['--config', settings] });
  await put(server.url, '/v1/agent/service/register', instance('r1', 9001));
  await waitUntil(() => textOf(join(dir, 'addresses')) === '127.0.0.1:9001 ');
  await waitUntil(() => textOf(join(dir, 'log')).includes('changed'));
});
