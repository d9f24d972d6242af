import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import fc from 'fast-check';
import { systemClock } from '../../../engine/system-clock.ts';
import { apr1 } from './apr1.ts';
import { PasswordChecker, type Verdict } from './password-checker.ts';
import { parseHash, parseUsers } from './password-hash.ts';
import { verifyPassword } from './verify-password.ts';

/** Of Apache's own documentation ("Password Formats"), but for bcrypt: its cost is lower there. */
const hashes = ['{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=', '$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/'];

test('the hashes of Apache’s documentation are verified', () => {
  for (const text of hashes) {
    const hash = parseHash(text);
    assert.ok(hash, text);
    assert.equal(verifyPassword('myPassword', hash), true, text);
    assert.equal(verifyPassword('mypassword', hash), false, text);
    assert.equal(verifyPassword('', hash), false, text);
  }
});

test('plain text, crypt, MD5 without a name and bcrypt that takes minutes are no hashes', () => {
  const salted = '$2y$04$NrEOIhNga8TCwfAnVG91HOyJPb..ZrvwekWt2hEzO8OcVuMky3dD.';
  for (const text of [
    'secret',
    'rqXexS6ZhobKA',
    '$1$abc$def',
    '{SHA}x',
    '{PLAIN}secret',
    salted.replace('04', '20'),
    '',
  ]) {
    assert.equal(parseHash(text), undefined, text);
  }
  assert.equal(parseHash(salted)?.kind, 'bcrypt');
});

test('users: the first of a name counts, comments and lines without a name do not', () => {
  const users = parseUsers([
    '#a:b',
    '',
    ':x',
    ' ann:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=:remark ',
    'ann:x',
    'dan:plain',
  ]);
  assert.deepEqual([...users.keys()], ['ann', 'dan']);
  assert.deepEqual([users.get('ann')?.kind, users.get('dan')], ['sha1', undefined]);
});

test('apr1 is what openssl says, for passwords of every length', (t) => {
  const openssl = requireProgram(t, 'openssl');
  if (openssl === undefined) return;
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 40 }).filter((text) => /^[!-~]+$/.test(text)),
      (password) => {
        const expected = execFileSync(openssl, ['passwd', '-apr1', '-salt', 'Xy./0', '-stdin'], {
          input: password,
        });
        assert.equal(apr1(password, 'Xy./0'), expected.toString().trim());
      },
    ),
    { numRuns: 15 },
  );
});

test('the thread answers, what was right is known, and too many are turned away', async (t) => {
  const checker = new PasswordChecker(systemClock);
  t.after(() => checker.close());
  const hash = parseHash('$2y$04$NrEOIhNga8TCwfAnVG91HOyJPb..ZrvwekWt2hEzO8OcVuMky3dD.');
  assert.ok(hash);
  const verdicts: Verdict[] = [];
  const note = (verdict: Verdict): void => {
    verdicts.push(verdict);
  };
  checker.check('secret', hash, note);
  checker.check('wrong', hash, note);
  const forget = checker.check('secret', hash, () => assert.fail('was cancelled'));
  forget();
  assert.equal(checker.knows('secret', hash), false);
  await waitUntil(() => verdicts.length === 2);
  assert.deepEqual(verdicts, ['right', 'wrong']);
  assert.deepEqual([checker.knows('secret', hash), checker.knows('wrong', hash)], [true, false]);
  verdicts.length = 0;
  for (let index = 0; index < 110; index++) checker.check(`wrong ${index}`, hash, note);
  await waitUntil(() => verdicts.length === 110);
  assert.ok(verdicts.filter((verdict) => verdict === 'overload').length >= 9);
});
