import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WeightedChoice } from './weighted-choice.ts';

/** Park and Miller's generator: the same draws in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

for (const weights of [
  [99, 1],
  [50, 50],
  [1, 2, 3, 4],
  [0, 5, 0, 1_000_000],
]) {
  test(`10,000 draws of ${weights.join('/')} are within three deviations of the weights`, () => {
    const choice = new WeightedChoice(
      weights.map((weight, index) => [weight, index] as const),
      -1,
      seeded(7),
    );
    const counts = weights.map(() => 0);
    const draws = 10_000;
    for (let index = 0; index < draws; index++) {
      const drawn = choice.draw();
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (const [index, weight] of weights.entries()) {
      const share = weight / sum;
      const deviation = Math.sqrt(draws * share * (1 - share));
      assert.ok(Math.abs((counts[index] ?? 0) - draws * share) <= 3 * deviation, counts.join('/'));
    }
  });
}

test('one value needs no random number, none at all gives what is said', () => {
  const never = () => assert.fail('drawn');
  assert.equal(
    new WeightedChoice(
      [
        [3, 'a'],
        [0, 'b'],
      ],
      'none',
      never,
    ).draw(),
    'a',
  );
  assert.equal(new WeightedChoice([[0, 'b']], 'none', never).draw(), 'none');
  assert.equal(new WeightedChoice<string>([], 'none', never).draw(), 'none');
});
