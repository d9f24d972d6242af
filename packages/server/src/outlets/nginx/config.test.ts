import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { type NginxSettings, nginxConfig } from './config.ts';
import { factsOf } from './nginx-program.ts';

const defaults: NginxSettings = {
  run: false,
  httpFile: '',
  streamFile: '',
  configFile: '',
  pidFile: '',
  reloadCommand: '',
  binary: 'nginx',
  listen: { address: '127.0.0.1', port: 8081 },
  balance: 'round-robin',
  debounceMs: 200,
  followDns: true,
};

test('nothing is done unless files or nginx itself are given', () => {
  assert.equal(nginxConfig(defaults, '/data'), undefined);
});

test('an nginx of our own has everything in the data directory', () => {
  const config = nginxConfig({ ...defaults, run: true }, '/data');
  assert.deepEqual(config?.layout, {
    ...{ kind: 'whole', run: true },
    ...{ file: '/data/nginx/nginx.conf', pidFile: '/data/nginx/nginx.pid' },
  });
  assert.deepEqual(config?.reload, { kind: 'signal', pidFile: '/data/nginx/nginx.pid' });
});

test('included files go where they are told, and the usual nginx is reloaded', () => {
  const config = nginxConfig({ ...defaults, httpFile: '/etc/h', streamFile: '/etc/s' }, '/data');
  assert.deepEqual(config?.layout, { kind: 'included', httpFile: '/etc/h', streamFile: '/etc/s' });
  assert.deepEqual(config?.reload, { kind: 'signal', pidFile: '/run/nginx.pid' });
});

test('settings that do not go together are refused by name', () => {
  const wrong: Partial<NginxSettings>[] = [
    { run: true, httpFile: '/h' },
    { configFile: '/c', httpFile: '/h' },
    { streamFile: '/s' },
    { run: true, reloadCommand: 'true' },
    { run: true, listen: undefined },
    { run: true, listen: { address: '127.0.0.1', port: 0 } },
  ];
  for (const settings of wrong) {
    assert.throws(
      () => nginxConfig({ ...defaults, ...settings }, '/data'),
      (error: unknown) =>
        error instanceof Fault && error.code === 'invalid' && /^nginx\./.test(error.message),
      JSON.stringify(settings),
    );
  }
});

test('what nginx -V says is understood: stream built in, loadable, not installed, not there', () => {
  const said = (...flags: string[]) =>
    `nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/p ${flags.join(' ')}\n`;
  const there = () => true;
  const version = '1.22.1';
  assert.deepEqual(factsOf(said('--with-stream', '--with-threads'), there), {
    ...{ version, hasStream: true, streamModule: undefined },
  });
  assert.deepEqual(factsOf(said('--modules-path=/m', '--with-stream=dynamic'), there), {
    ...{ version, hasStream: true, streamModule: '/m/ngx_stream_module.so' },
  });
  const none = { version, hasStream: false, streamModule: undefined };
  assert.deepEqual(
    factsOf(said('--with-stream=dynamic'), () => false),
    none,
  );
  assert.deepEqual(factsOf(said('--with-stream_ssl_module'), there), none);
});
