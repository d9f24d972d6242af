import { escapeHtml as text } from './escape-html.ts';

export interface Product {
  readonly title: string;
  readonly description: string;
}

/**
 * The product page. `details` and `reviews` are what the services answered, or `{ error }`: nothing about their shape is
 * taken for granted, and every character of theirs is text.
 */
export function renderPage(product: Product, details: unknown, reviews: unknown): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(product.title)} · Bookinfo</title>
<style>${style}</style>
</head>
<body>
<header><p>Bookinfo</p><h1>${text(product.title)}</h1><p>${text(product.description)}</p></header>
<main>
<section><h2>Book details</h2>${detailsSection(details)}</section>
<section><h2>Reviews</h2>${reviewsSection(reviews)}</section>
</main>
</body>
</html>
`;
}

function detailsSection(details: unknown): string {
  const fields = fieldsOf(details);
  if ('error' in fields) return notice('Details are not available', fields.error);
  const rows = Object.entries(fields).filter(([name]) => name !== 'id');
  return `<dl>${rows.map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`).join('')}</dl>`;
}

function reviewsSection(reviews: unknown): string {
  const fields = fieldsOf(reviews);
  if ('error' in fields) return notice('Reviews are not available', fields.error);
  const list = Array.isArray(fields.reviews) ? fields.reviews : [];
  return `${list.map(reviewBlock).join('')}<p class="by">answered by reviews <b>${text(fields.version)}</b></p>`;
}

function reviewBlock(review: unknown): string {
  const fields = fieldsOf(review);
  return `<blockquote><p>${text(fields.text)}</p><footer>${text(fields.reviewer)} ${rating(fields.rating)}</footer></blockquote>`;
}

function rating(value: unknown): string {
  if (value === undefined) return '';
  const { stars, color, error } = fieldsOf(value);
  if (typeof stars !== 'number' || error !== undefined) return `<small>${text(error)}</small>`;
  const full = Math.max(0, Math.min(5, Math.round(stars)));
  const tint = color === 'red' ? 'red' : 'black';
  return `<span class="${tint}" title="${full} of 5">${'★'.repeat(full)}${'☆'.repeat(5 - full)}</span>`;
}

function notice(title: string, error: unknown): string {
  return `<p class="error"><b>${text(title)}.</b> ${text(error)}</p>`;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

const style = `
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1c2733;background:#f5f7f9}
header{background:#16344f;color:#fff;padding:1.5rem max(1rem,calc(50% - 26rem))}
header p{margin:0;opacity:.85}h1{margin:.2rem 0}
main{max-width:52rem;margin:1rem auto;padding:0 1rem;display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr))}
section{background:#fff;border-radius:.5rem;padding:1rem 1.25rem;box-shadow:0 1px 3px #0002}h2{margin:0 0 .5rem;font-size:1.1rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0}dt{opacity:.65}dd{margin:0}
blockquote{margin:0 0 1rem;border-left:3px solid #16344f40;padding-left:.75rem}blockquote p{margin:0}
.red{color:#c22}.black{color:#111}.by{margin:0;opacity:.75}.error{color:#a21}`;
