import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHcl } from '../run/hcl.ts';
import { parseArguments } from './from-flags.ts';
import { configFromObject } from './from-object.ts';

const hcl = `
# a comment
consul {
  address = "127.0.0.1:8500" // another
  token   = "t"
  retry { enabled = true  attempts = 5  backoff = "250ms" }
  ssl { enabled = true  verify = false  ca_cert = "/ca.pem" }
}
/* many
   lines */
wait { min = "2s" max = "10s" }
kill_signal = "SIGTERM"
template {
  source      = "/in.ctmpl"
  destination = "/out"
  perms       = 0600
  backup      = true
  command     = "service nginx reload"
  command_timeout = "5s"
  left_delimiter = "<%"
  wait = "1s:3s"
}
template {
  contents = <<-EOH
    {{ key "a" }}
      indented
    EOH
  destination = "/b"
  exec { command = ["nginx", "-s", "reload"] timeout = "1m30s" }
}
exec {
  command = "app"
  splay = "5s"
  env { pristine = false denylist = ["SECRET_*"] custom = ["A=b"] }
}
deduplicate { enabled = true }
`;

test('a configuration in HCL', () => {
  const config = configFromObject(parseHcl('c.hcl', hcl));
  assert.deepEqual(config.consul, {
    address: 'https://127.0.0.1:8500',
    token: 't',
    tls: { caFile: '/ca.pem', verify: false },
  });
  assert.deepEqual(config.retry, { attempts: 5, backoffMs: 250 });
  assert.deepEqual(config.wait, { minMs: 2000, maxMs: 10_000 });
  assert.equal(config.killSignal, 'SIGTERM');
  assert.deepEqual(config.ignored, ['deduplicate']);
  const [first, second] = config.templates;
  assert.equal(first?.mode, 0o600);
  assert.deepEqual(first?.command, ['sh', '-c', 'service nginx reload']);
  assert.equal(first?.commandTimeoutMs, 5000);
  assert.deepEqual(first?.delimiters, { left: '<%', right: '}}' });
  assert.deepEqual(first?.wait, { minMs: 1000, maxMs: 3000 });
  assert.equal(second?.contents, '{{ key "a" }}\n  indented\n');
  assert.deepEqual(second?.command, ['nginx', '-s', 'reload']);
  assert.equal(second?.commandTimeoutMs, 90_000);
  assert.deepEqual(config.exec.environment?.deny, ['SECRET_*']);
});

test('what is less common', () => {
  const config = configFromObject(
    parseHcl(
      'c.hcl',
      'consul { token_file = "/t" namespace = "n" }\n max_stale = "0s"\n log_file { path = "/log" log_rotate_bytes = 5 }\n' +
        'template_error_fatal = true\n err_on_failed_lookup = true\n exec { command = "x" enabled = false }\n' +
        'template { source = "a" user = "root" gid = 7 sandbox_path = "/s" error_fatal = false exec { command = "y" enabled = false } }',
    ),
  );
  assert.equal(config.consul.tokenFile, '/t');
  assert.equal(config.maxStaleMs, 0);
  assert.equal(config.logFile, '/log');
  assert.equal(config.errorFatal, true);
  assert.equal(config.failsOnNothing, true);
  assert.equal(config.exec.command, undefined);
  assert.deepEqual(config.ignored, ['consul.namespace', 'log_file.log_rotate_bytes']);
  const [template] = config.templates;
  assert.deepEqual(
    [template?.user, template?.group, template?.sandboxPath, template?.errorFatal, template?.command],
    ['root', '7', '/s', false, undefined],
  );
});

test('the same in JSON', () => {
  const config = configFromObject({
    template: [{ source: 'a', destination: 'b', perms: '0644' }],
    once: true,
  });
  assert.equal(config.templates[0]?.mode, 0o644);
  assert.equal(config.once, true);
});

const wrong: readonly (readonly [unknown, RegExp])[] = [
  [{ templates: [] }, /^templates is not a known setting$/],
  [{ template: [{ source: 'a', destinaton: 'b' }] }, /^template\[0\]\.destinaton is not a known setting$/],
  [{ template: [{ destination: 'b' }] }, /^template\[0\]\.source or contents must be given/],
  [{ wait: { min: '2' } }, /^wait\.min must be a duration/],
  [{ template: [{ source: 'a', perms: 'rw' }] }, /^template\[0\]\.perms must be permission bits/],
  [{ kill_signal: 'SIGFOO' }, /^kill_signal is not a signal/],
];
for (const [value, message] of wrong) {
  test(`refused: ${JSON.stringify(value)}`, () => assert.throws(() => configFromObject(value), { message }));
}

const wrongHcl: readonly (readonly [string, RegExp])[] = [
  ['a = ', /c:1:5: expected a value, found the end/],
  ['a {\n  b = 1', /c:2:8: expected "}"/],
  ['a b', /c:1:3: expected "=" or "{"/],
  ['a = "x', /expected a string that ends/],
  ['a = [1 2]', /expected "," or "]"/],
];
for (const [source, message] of wrongHcl) {
  test(`refused: ${JSON.stringify(source)}`, () => assert.throws(() => parseHcl('c', source), { message }));
}

test("consul-template's flags", () => {
  const { config, configs } = parseArguments([
    '-template',
    'in:out:echo a:b',
    '-template=in2:out2',
    '--once',
    '-dry=false',
    '-consul-addr',
    'c:8500',
    '-config',
    'x.hcl',
    '-wait',
    '2s',
    '-exec',
    'app',
    '-exec-kill-signal=SIGTERM',
    '-dedup',
    '-log-level',
    'debug',
  ]);
  assert.deepEqual(config.templates[0]?.command, ['sh', '-c', 'echo a:b']);
  assert.equal(config.templates[1]?.destination, 'out2');
  assert.equal(config.once, true);
  assert.equal(config.dry, false);
  assert.equal(config.consul.address, 'c:8500');
  assert.deepEqual(configs, ['x.hcl']);
  assert.deepEqual(config.wait, { minMs: 2000, maxMs: 8000 });
  assert.equal(config.exec.killSignal, 'SIGTERM');
  assert.deepEqual(config.ignored, ['-dedup']);
});

for (const [args, message] of [
  [['-nope'], /unknown argument "-nope"/],
  [['-template'], /-template needs a value: -template IN:OUT\[:COMMAND\]/],
  [['-wait', 'soon'], /-wait "soon": expected MIN or MIN:MAX/],
] as const) {
  test(`refused: ${args.join(' ')}`, () => assert.throws(() => parseArguments(args), { message }));
}
