// The page itself: its content policy, fresh every time, and nothing that breaks it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { house } from './house';
import { act, settled } from './world';

test('every page comes with a strict content policy and a fresh nonce', async ({ request }) => {
  const nonces = new Set<string>();
  for (const path of ['/', '/logs', '/policies/support/build']) {
    const answer = await request.get(house().control_url + path, {
      headers: { accept: 'text/html' },
    });
    const policy = answer.headers()['content-security-policy'] ?? '';
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
    expect(policy).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; ` +
        `font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    );
    expect(await answer.text()).toContain(`<meta name="csp-nonce" content="${nonce}" />`);
    nonces.add(nonce);
  }
  expect(nonces.size).toBe(3);
});

test('files with hashed names are kept for ever and come compressed', async ({ request }) => {
  const page = await (await request.get(house().control_url)).text();
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1] ?? '';
  const answer = await request.get(house().control_url + script, {
    headers: { 'accept-encoding': 'br' },
  });
  expect(answer.status()).toBe(200);
  expect(answer.headers()['cache-control']).toContain('immutable');
  expect(answer.headers()['content-encoding']).toBe('br');
});

test('a build that compiles code at run time is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-build-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<script src="/assets/a.js"></script>');
  const finish = (code: string) => {
    writeFileSync(join(folder, 'assets', 'a.js'), code);
    return spawnSync('node', ['scripts/finish.mjs', `${folder}/`], { encoding: 'utf8' });
  };
  try {
    expect(finish('export const sum = (a, b) => a + b;').status).toBe(0);
    for (const code of ['new Function("return 1")();', 'window.eval("1");']) {
      const { status, stderr } = finish(code);
      expect([status, stderr]).toEqual([1, expect.stringContaining('compiles code at run time')]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the first page loads less than 200 kB', async ({ page, context }) => {
  await act(context);
  await page.goto(house().control_url);
  await settled(page);
  // Every script and style that the overview brought, at once or afterwards, as it came.
  const loaded = await page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => /\.(js|css)$/.test(new URL(name).pathname))
      .map(({ encodedBodySize }) => encodedBodySize),
  );
  const bytes = loaded.reduce((sum, one) => sum + one, 0);
  console.log(`first page: ${bytes} bytes in ${loaded.length} files`);
  expect(loaded.length).toBeGreaterThan(2);
  expect(bytes).toBeLessThan(200_000);
});
