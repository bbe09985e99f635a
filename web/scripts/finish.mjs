// After the build: compresses every file twice, holds the budgets, and refuses code that compiles code.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

// Another folder is named by the test that this refuses what it should.
const dist = process.argv[2] ?? new URL('../dist/', import.meta.url).pathname;
/** The most bytes as gzip: what the first page loads, and the editor on its own. */
const FIRST_LOAD_MAX = 200_000;
const EDITOR_MAX = 160_000;

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.(gz|br)$|^\./.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));

const size = new Map();
const wrong = [];
for (const file of files) {
  const name = file.slice(dist.length);
  const bytes = readFileSync(file);
  const gzip = gzipSync(bytes, { level: 9 });
  size.set(name, gzip.length);
  if (name !== 'index.html' && !name.endsWith('.woff2')) {
    writeFileSync(`${file}.gz`, gzip);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
  }
  if (name.endsWith('.js') && /\beval\(|\bnew Function\b/.test(bytes.toString())) {
    wrong.push(`${name} compiles code at run time`);
  }
}

// The first load: the page, and every script and style that it names or that those import at once.
const page = readFileSync(join(dist, 'index.html'), 'utf8');
const first = new Set(['index.html']);
const follow = (name) => {
  if (first.has(name) || !size.has(name)) return;
  first.add(name);
  if (!name.endsWith('.js')) return;
  const text = readFileSync(join(dist, name), 'utf8');
  for (const [, next] of text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) {
    follow(`assets/${next}`);
  }
};
for (const [, name] of page.matchAll(/(?:src|href)="\/([^"]+)"/g)) follow(name);

const sum = (names) => [...names].reduce((total, name) => total + (size.get(name) ?? 0), 0);
const editor = [...size.keys()].filter((name) => /^assets\/editor-.*\.js$/.test(name));
for (const [what, bytes, most] of [
  ['first load', sum(first), FIRST_LOAD_MAX],
  ['editor', sum(editor), EDITOR_MAX],
]) {
  console.log(`${what}: ${(bytes / 1000).toFixed(1)} kB of ${most / 1000} kB (gzip)`);
  if (bytes > most) wrong.push(`${what} takes ${bytes} bytes, more than ${most}`);
}
if (editor.some((name) => first.has(name))) wrong.push('the editor is part of the first load');
if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
