// Scopes that a server turns out to want: an admin reads which, and chooses what is asked for.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { ask, callTool, firstAdmin, instance } from './instance';
import { site } from './site';

test('scopes that a server wanted on top are shown, chosen one by one, and asked for from then on', async ({
  page,
  request,
}) => {
  const here = await instance();
  const orders = await site();
  try {
    await ask(request, here, 'POST', '/servers?probe=false', { slug: 'orders', url: orders.url });
    await ask(request, here, 'PUT', '/servers/orders/credential', {
      oauth: {
        grant: 'client_credentials',
        client_id: 'made-there',
        client_secret: 'canary-secret',
        scopes: ['orders:read'],
      },
    });
    await ask(request, here, 'POST', '/servers/orders/refresh');
    const text = JSON.stringify({ version: '1', default: 'deny', tools: { list_orders: {} } });
    await ask(request, here, 'POST', '/policies', { name: 'reading', text });
    const { token } = await ask<{ token: string }>(request, here, 'POST', '/grants', {
      label: 'reader',
      servers: [{ server: 'orders', policy: 'reading' }],
    });
    await firstAdmin(page, here);
    const credential = `${here.control}/servers/orders/credential`;
    await page.goto(credential);
    await expect(page.getByRole('button', { name: 'Test', exact: true })).toBeVisible();
    await expect(page.getByText(/The server wants/)).toHaveCount(0);
    orders.want('orders:write orders:delete');
    expect(await callTool(request, here, 'orders', token, 'list_orders')).toContain('scope');
    await page.reload();
    const wants = page.getByRole('alert').filter({ hasText: 'The server wants 2 scopes more' });
    await expect(wants).toBeVisible();
    const go = wants.getByRole('button', { name: /^Ask for/ });
    await expect(go).toHaveAttribute('aria-disabled', 'true');
    expect(await faults(page, 'scopes wanted')).toEqual([]);
    await wants.getByRole('checkbox', { name: 'orders:write' }).check();
    await go.click();
    await expect(page.getByText('The next call gets a token that has them.')).toBeVisible();
    await expect(page.getByText('The server wants 1 scope more')).toBeVisible();
    const kept = await ask<{ oauth: { scopes: string[]; wanted_scopes: string[] } }>(
      request,
      here,
      'GET',
      '/servers/orders/credential',
    );
    expect(kept.oauth.scopes).toEqual(['orders:read', 'orders:write']);
    expect(kept.oauth.wanted_scopes).toEqual(['orders:delete']);
  } finally {
    orders.end();
    await here.end();
  }
});
