const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Any value as text that is safe between tags and inside quoted attributes. Absent values are the empty text. */
export function escapeHtml(value: unknown): string {
  if (value === undefined || value === null) return '';
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
