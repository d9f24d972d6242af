import type { TemplateFunction } from '../../language/builtins.ts';
import { text } from '../arguments.ts';
import type { Machine } from '../machine.ts';
import { dateFunctions } from './dates.ts';
import { type Definition, exactly, ofTexts } from './define.ts';
import { dictFunctions } from './dicts.ts';
import { encodingFunctions } from './encodings.ts';
import { listFunctions } from './lists.ts';
import { numberFunctions } from './numbers.ts';
import { pathFunctions } from './paths.ts';
import { randomFunctions } from './random.ts';
import { regexFunctions } from './regex.ts';
import { semverFunctions } from './semver.ts';
import { stringFunctions } from './strings.ts';
import { typeFunctions } from './types.ts';
import { urlFunctions } from './urls.ts';

/**
 * Sprig's functions under consul-template's names: `sprig_upper`, `sprig_dict`, …
 * Source: https://masterminds.github.io/sprig/
 */
export function sprigFunctions(machine: Machine): readonly (readonly [string, TemplateFunction])[] {
  const dates = dateFunctions(() => machine.wallMs(), machine.timeZone ?? 'Local');
  return [...fixed, ...dates, ...environment(machine)].map(([name, apply]) => [`sprig_${name}`, apply]);
}

const refused: readonly (readonly [names: readonly string[], why: string])[] = [
  [
    [
      'genPrivateKey',
      'genCA',
      'genCAWithKey',
      'genSelfSignedCert',
      'genSelfSignedCertWithKey',
      'genSignedCert',
      'genSignedCertWithKey',
      'buildCustomCert',
      'derivePassword',
      'bcrypt',
      'htpasswd',
      'encryptAES',
      'decryptAES',
    ],
    'templates make no keys, certificates or passwords: every rendering would make another one',
  ],
  [['getHostByName'], 'a rendering asks no name server; use service or node'],
];

const fixed: readonly Definition[] = [
  ...stringFunctions,
  ...numberFunctions,
  ...listFunctions,
  ...dictFunctions,
  ...typeFunctions,
  ...pathFunctions,
  ...encodingFunctions,
  ...regexFunctions,
  ...urlFunctions,
  ...semverFunctions,
  ...randomFunctions,
  ...refused.flatMap(([names, why]) => names.map((name): Definition => [name, () => refuse(name, why)])),
];

function refuse(name: string, why: string): never {
  throw new Error(`sprig_${name}: ${why}`);
}

function environment(machine: Machine): readonly Definition[] {
  const variable = (name: string): string =>
    Object.hasOwn(machine.environment, name) ? (machine.environment[name] ?? '') : '';
  return [
    ['env', ofTexts(1, variable)],
    [
      'expandenv',
      exactly(1, (source) =>
        text(source).replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) =>
          variable(braced ?? bare ?? ''),
        ),
      ),
    ],
  ];
}
