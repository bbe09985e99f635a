// Every component of the library that is used has its styles, and all files of styles are there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const styles = readFileSync(join(root, 'app/mantine.css'), 'utf8');
const shipped = new Set(
  readdirSync(join(root, '../node_modules/@mantine/core/styles'))
    .filter((name) => !name.includes('.layer.'))
    .map((name) => name.replace(/\.css$/, '')),
);

test('the styles of every component that is used are part of the page', () => {
  const used = new Set<string>();
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx$/.test(name)) continue;
    const text = readFileSync(join(root, name), 'utf8');
    for (const [, names = ''] of text.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
      names.split(',').forEach((one) => used.add(one.trim()));
    }
  }
  expect(used.size).toBeGreaterThan(20);
  const missing = [...used].filter(
    (name) => shipped.has(name) && !styles.includes(`/styles/${name}.css'`),
  );
  expect(missing).toEqual([]);
});
