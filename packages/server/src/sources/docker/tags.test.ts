import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tagsFrom } from './tags.ts';

const file = new URL('testdata/engine-20.10/many.json', import.meta.url);
const inspect: unknown = JSON.parse(readFileSync(file, 'utf8'));
const render = (setting: string): readonly string[] => tagsFrom(setting)(inspect);

test('a plain list is the same for every container', () => {
  assert.deepEqual(render('a,b\\,c'), ['a', 'b,c']);
  assert.deepEqual(render(''), []);
});

test('a template sees what docker inspect shows', () => {
  assert.deepEqual(render('{{ .Name }},{{ .Config.Image }}'), ['/many', 'example/shop:1.4']);
  assert.deepEqual(render('{{ strSlice .ID 0 12 }}'), ['b4bfef18f83a']);
  assert.deepEqual(render('team-{{ index .Config.Labels "SERVICE_TEAM" }}'), ['team-sales']);
  assert.deepEqual(render('{{ if eq .HostConfig.NetworkMode "n1" }}own{{ else }}shared{{ end }}'), ['own']);
});

test('Registrator’s functions do what its documentation says', () => {
  const expected: readonly (readonly [string, string])[] = [
    ['strSlice "abcdef" 2', 'cdef'],
    ['strSlice "abcdef" 1 3', 'bc'],
    ['strSlice "abcdef" 9', 'abcdef'],
    ['strSlice "abcdef" 3 1', 'def'],
    ['sIndex 0 .Config.Env', 'SERVICE_TAGS=blue;eu'],
    ['sIndex -1 .Config.Env', 'PATH=/bin'],
    ['sIndex 99 .Config.Env', 'PATH=/bin'],
    ['sIndex -99 .Config.Env', 'SERVICE_TAGS=blue;eu'],
    ['mIndex "SERVICE_TEAM" .Config.Labels', 'sales'],
    ['mIndex "none" .Config.Labels', ''],
    ['toUpper "aé"', 'AÉ'],
    ['"A" | toLower', 'a'],
    ['replace 1 "a" "b" "aaa"', 'baa'],
    ['replace -1 "a" "b" "aaa"', 'bbb'],
    ['replace 0 "a" "b" "aaa"', 'aaa'],
    ['split ":" "x:y" | join "+"', 'x+y'],
    ['splitIndex 1 ":" .Config.Image', '1.4'],
    ['splitIndex -1 "/" .Config.Image', 'shop:1.4'],
    ['matchFirstElement "^PATH=" .Config.Env', 'PATH=/bin'],
    ['matchAllElements "^(PATH|SERVICE_TAGS)=" .Config.Env | join "+"', 'SERVICE_TAGS=blue;eu+PATH=/bin'],
  ];
  for (const [expression, result] of expected) {
    // Commas would part tags.
    const tags = tagsFrom(`{{ replace -1 "," ";" (${expression}) }}`)(inspect);
    assert.deepEqual(tags, result === '' ? [] : [result], expression);
  }
});

test('a template that is none is refused at the start, one that fails names the container’s problem', () => {
  assert.throws(() => tagsFrom('{{ .Name'), { code: 'invalid', message: /^docker\.tags is no template: / });
  assert.throws(() => tagsFrom('{{ httpGet "http://x" }}'), { code: 'invalid', message: /httpGet/ });
  assert.throws(() => render('{{ sIndex "x" .Config.Env }}'), /expected int/);
});
