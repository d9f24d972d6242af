import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPage } from './page.ts';

const product = { title: 'A <title>', description: 'with "quotes"' };
const attack = `<script>alert('x')</script><img src=x onerror="x">`;

test('whatever a service answers is text on the page', () => {
  const page = renderPage(
    product,
    { [attack]: attack, id: attack },
    { version: attack, reviews: [{ reviewer: attack, text: attack, rating: { stars: 3, color: attack } }] },
  );
  assert.doesNotMatch(page, /<script|<img|onerror="/);
  assert.equal(page.match(/&lt;script&gt;/g)?.length, 5);
  assert.match(page, /A &lt;title&gt;/);
});

test('answers of any shape make a page', () => {
  const shapes: readonly unknown[] = [
    null,
    undefined,
    1,
    'text',
    [],
    [null],
    {},
    { error: 1 },
    { reviews: {} },
  ];
  for (const shape of shapes) {
    const page = renderPage(product, shape, shape);
    assert.match(page, /<\/html>\n$/);
    assert.match(renderPage(product, {}, { reviews: [shape, { rating: shape }] }), /<\/html>\n$/);
  }
  for (const stars of [-1, 99, Number.NaN, 4.4]) {
    assert.match(renderPage(product, {}, { reviews: [{ rating: { stars } }] }), /<\/html>\n$/);
  }
});

test('stars are black or red, and a lost neighbour is told', () => {
  const reviews = (rating: unknown) => ({ version: 'v3', reviews: [{ text: 't', reviewer: 'r', rating }] });
  assert.match(
    renderPage(product, {}, reviews({ stars: 4, color: 'red' })),
    /class="red" title="4 of 5">★★★★☆</,
  );
  assert.match(
    renderPage(product, {}, reviews({ stars: 5, color: 'black' })),
    /class="black" title="5 of 5">★★★★★</,
  );
  assert.match(renderPage(product, {}, reviews({ error: 'no ratings' })), /<small>no ratings<\/small>/);
  assert.match(
    renderPage(product, { error: 'gone' }, {}),
    /class="error"><b>Details are not available\.<\/b> gone/,
  );
});
