import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue';

test('every entry has a name of its own and an address that is asked over TLS', () => {
  for (const key of ['slug', 'name', 'url'] as const)
    expect(new Set(CATALOGUE.map((entry) => entry[key])).size).toBe(CATALOGUE.length);
  for (const { slug, url } of CATALOGUE) {
    expect(slug).toMatch(/^[a-z][a-z0-9-]+$/);
    expect(new URL(url).protocol).toBe('https:');
  }
});
