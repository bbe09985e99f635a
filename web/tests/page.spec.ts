// The page itself: its content policy, fresh every time, and nothing that breaks it.
import { expect, test } from '@playwright/test';
import { house } from './house';

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
