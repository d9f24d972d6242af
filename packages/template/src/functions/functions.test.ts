import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataReader, Query } from '../data/query.ts';
import { compileTemplate } from '../language/execute.ts';
import { templateFunctions } from './functions.ts';

const healthAnswer = [
  healthEntry('n2', 'web-2', '', 81, ['v2'], {}, 'passing'),
  healthEntry('n1', 'web-1', '10.0.0.9', 80, ['v1', 'http', 'v1'], { zone: 'a', weight: '7' }, 'passing'),
  healthEntry('n3', 'web-3', '', 82, [], {}, 'critical'),
];

function healthEntry(
  node: string,
  id: string,
  address: string,
  port: number,
  tags: string[],
  meta: Record<string, string>,
  status: string,
) {
  return {
    Node: { Node: node, ID: '', Address: `10.1.0.${node.slice(1)}`, Meta: {}, TaggedAddresses: null },
    Service: {
      ID: id,
      Service: 'web',
      Tags: tags,
      Address: address,
      Port: port,
      Meta: meta,
      Weights: { Passing: 1, Warning: 1 },
    },
    Checks: [{ CheckID: `service:${id}`, Status: status, ServiceID: id }],
  };
}

const kv = (key: string, value: string) => ({
  Key: key,
  Value: Buffer.from(value).toString('base64'),
  Flags: 0,
});

/** What a registry would answer, by path. */
const answers: Readonly<Record<string, unknown>> = {
  '/v1/health/service/web?passing=1': healthAnswer.slice(0, 2),
  '/v1/health/service/web?tag=v1&passing=1': healthAnswer.slice(1, 2),
  '/v1/health/service/web': healthAnswer,
  '/v1/health/service/none?passing=1': [],
  '/v1/catalog/services': { web: ['v1'], consul: [] },
  '/v1/catalog/datacenters': ['dc2', 'dc1'],
  '/v1/catalog/nodes': [{ Node: 'n1', Address: '10.1.0.1' }],
  '/v1/catalog/node/n1': {
    Node: { Node: 'n1', Address: '10.1.0.1' },
    Services: { a: { ID: 'a', Service: 'web', Port: 80 } },
  },
  '/v1/agent/self': { Config: { NodeName: 'n1' } },
  '/v1/kv/a/b': [kv('a/b', 'value')],
  '/v1/kv/empty': [kv('empty', '')],
  '/v1/kv/app?recurse=': [kv('app/', ''), kv('app/x', '1'), kv('app/y/z', '2'), kv('application', '3')],
};

const data: DataReader = {
  recall(query: Query) {
    return query.decode(Object.hasOwn(answers, query.path) ? answers[query.path] : undefined);
  },
};

const machine = {
  environment: { HOME: '/root', EMPTY: '' },
  wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5),
  readFile: (path: string) => `text of ${path}`,
};

function render(source: string): string {
  const functions = templateFunctions(data, machine, ['md5sum']);
  return compileTemplate('t', source, { functions }).render(null, functions);
}

const cases: readonly (readonly [source: string, output: string])[] = [
  [
    '{{range service "web"}}{{.Node}} {{.Address}}:{{.Port}} {{.Tags}} {{.Status}};{{end}}',
    'n1 10.0.0.9:80 [http v1] passing;n2 10.1.0.2:81 [v2] passing;',
  ],
  ['{{range service "v1.web"}}{{.ID}}{{end}}', 'web-1'],
  ['{{range service "web|any"}}{{.ID}}={{.Status}} {{end}}', 'web-1=passing web-2=passing web-3=critical '],
  ['{{range service "web" "critical"}}{{.ID}}{{end}}', 'web-3'],
  ['{{range service "none"}}x{{else}}server 127.0.0.1:65535;{{end}}', 'server 127.0.0.1:65535;'],
  ['{{range services}}{{.Name}}{{.Tags}} {{end}}', 'consul[] web[v1] '],
  [
    '{{range service "web"}}{{if .Tags | contains "v1"}}{{.ServiceMeta.zone}}{{index .ServiceMeta "none"}}{{end}}{{end}}',
    'a',
  ],
  [
    '{{range $tag, $services := service "web" | byTag}}{{$tag}}:{{range $services}}{{.ID}}{{end}} {{end}}',
    'http:web-1 v1:web-1 v2:web-2 ',
  ],
  ['{{range $port, $s := service "web" | byPort}}{{$port}}={{len $s}} {{end}}', '80=1 81=1 '],
  ['{{range $k, $s := service "web" | byMeta "zone,weight|int"}}{{$k}} {{end}}', '_no_zone__0 a_00007 '],
  ['{{range datacenters}}{{.}} {{end}}', 'dc1 dc2 '],
  ['{{range nodes}}{{.Node}}={{.Address}}{{end}}', 'n1=10.1.0.1'],
  ['{{with node "n1"}}{{.Node.Node}}{{range .Services}} {{.Service}}:{{.Port}}{{end}}{{end}}', 'n1 web:80'],
  ['{{with node}}{{.Node.Address}}{{end}}', '10.1.0.1'],
  [
    '{{key "a/b"}} {{keyOrDefault "a/none" "d"}} {{keyOrDefault "empty" "d"}} {{keyExists "a/b"}} {{keyExists "no"}}',
    'value d d true false',
  ],
  ['{{range ls "app"}}{{.Key}}={{.Value}} {{end}}', 'x=1 '],
  ['{{range tree "app"}}{{.Key}}={{.Value}} {{end}}', 'x=1 y/z=2 '],
  [
    '{{range $k, $v := tree "app" | byKey}}{{$k}}{{range $n, $p := $v}}/{{$n}}={{$p.Value}}{{end}}{{end}}',
    'y/z=2',
  ],
  ['{{with tree "app" | explode}}{{.x}} {{.y.z}}{{end}}', '1 2'],
  ['{{tree "app" | explode | toJSON}}', '{"x":"1","y":{"z":"2"}}'],
  ['{{env "HOME"}} {{env "NONE"}} {{envOrDefault "NONE" "d"}} {{envOrDefault "HOME" "d"}}', '/root  d /root'],
  ['{{file "/etc/x"}}', 'text of /etc/x'],
  [
    '{{timestamp}} {{timestamp "2006-01-02"}} {{timestamp "unix"}}',
    '2026-01-02T03:04:05Z 2026-01-02 1767323045',
  ],
  [
    '{{add 1 2}} {{subtract 2 5}} {{multiply 2 3}} {{divide 2 7}} {{modulo 2 5}} {{maximum 1 2}} {{minimum 1 2}} {{add 1.5 1}}',
    '3 3 6 3 1 2 1 2.5',
  ],
  ['{{range loop 3}}{{.}}{{end}} {{range loop 5 8}}{{.}}{{end}}', '012 567'],
  [
    '{{"a,b" | split "," | join "-"}} {{"" | split "," | len}} {{"aXb" | toLower}} {{"ab c" | toTitle}} {{"  x " | trimSpace}}',
    'a-b 0 axb Ab C x',
  ],
  [
    '{{"xxaxx" | trim "x"}} {{"abc" | trimPrefix "a"}} {{"abc" | trimSuffix "c"}} {{"a-b" | replaceAll "-" "$1"}}',
    'a bc ab a$1b',
  ],
  [
    '{{"foo.bar" | regexReplaceAll "(\\\\w+)\\\\.(\\\\w+)" "$2-$1"}} {{regexMatch "^f.o" "foo"}}',
    'bar-foo true',
  ],
  ['{{"a=1;b=2" | splitToMap ";" "=" | toJSON}} {{"x" | indent 2}}', '{"a":"1","b":"2"}   x'],
  [
    '{{"hé" | base64Encode}} {{"aMOp" | base64Decode}} {{"a?>" | base64URLEncode}} {{"YT8-" | base64URLDecode}}',
    'aMOp hé YT8- a?>',
  ],
  ['{{"a" | sha256Hex}}', 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
  [
    '{{parseBool "true"}} {{parseInt "7"}} {{parseFloat "1.5"}} {{parseUint ""}} {{add (parseInt "1") 1}}',
    'true 7 1.5 0 2',
  ],
  [
    '{{with parseJSON `{"a":{"b":[1,"x"]},"big":1000000}`}}{{.a.b}} {{.big}} {{index .a.b 1}}{{end}}',
    '[1 x] 1e+06 x',
  ],
  ['{{with parseYAML "a: 1\\nb: [x]"}}{{.a}}{{.b}}{{end}}', '1[x]'],
  ['{{toJSONPretty (parseJSON `{"b":1,"a":"<"}`)}}', '{\n  "a": "\\u003c",\n  "b": 1\n}'],
  ['{{toUnescapedJSON (parseJSON `"<"`)}} {{toYAML (parseJSON `{"b":1,"a":["x"]}`)}}', '"<" a:\n- x\nb: 1'],
  ['{{toTOML (parseJSON `{"t":{"k":"v"},"a":1}`)}}', 'a = 1.0\n\n[t]\n  k = "v"'],
  [
    '{{in (split "," "a,b") "b"}} {{containsAll (split "," "a,b") (split "," "a,b,c")}} {{containsNone (split "," "z") (split "," "a")}}',
    'true true true',
  ],
  [
    '{{scratch.Set "a" 1}}{{scratch.SetX "a" 2}}{{scratch.Get "a"}}{{scratch.MapSet "m" "k" "v"}}{{scratch.MapValues "m"}}{{scratch.Key "z"}}',
    '1[v]false',
  ],
  ['{{define "x"}}<{{.}}>{{end}}{{executeTemplate "x" "y" | toUpper}}', '<Y>'],
  ['{{mergeMap (parseJSON `{"a":1,"b":2}`) (parseJSON `{"a":9}`) | toJSON}}', '{"a":1,"b":2}'],
  ['{{with $d := key "a/b"}}{{$d | printf "%q"}}{{end}}', '"value"'],
];

for (const [source, output] of cases) {
  test(source, () => assert.equal(render(source), output));
}

test('hmacSHA256Hex is that of node:crypto', async () => {
  const { createHmac } = await import('node:crypto');
  assert.equal(render('{{hmacSHA256Hex "m" "k"}}'), createHmac('sha256', 'k').update('m').digest('hex'));
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['{{secret "a"}}', /vault is not configured/],
  ['{{md5sum "a"}}', /function is disabled: md5sum is in function_denylist/],
  ['{{mustEnv "NONE"}}', /required environment variable NONE is empty/],
  ['{{service "we b"}}', /invalid format/],
  ['{{service "web|nope"}}', /invalid filter: "nope"/],
  ['{{plugin "rm" "-rf"}}', /not allowed/],
  ['{{parseInt "x"}}', /parsing "x": not a int/],
  ['{{divide 0 1}}', /divide by zero/],
  ['{{regexMatch "(" "x"}}', /error calling regexMatch/],
];
for (const [source, message] of refused) {
  test(`refused: ${source}`, () => assert.throws(() => render(source), message));
}

test('a pattern that would keep a backtracking engine busy is done at once', () => {
  assert.equal(
    render('{{regexMatch "^(a+)+$" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}}'),
    'false',
  );
});
