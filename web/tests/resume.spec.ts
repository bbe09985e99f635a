// The first run is left and taken up again: on its own page, and from the overview.
import { expect, test } from '@playwright/test';
import { ask, callTool, firstAdmin, instance, settled } from './instance';
import { upstream, UPSTREAM_KEY } from './upstream';

test('the first run goes on with the grant that waits for its first call, and its list stays until then', async ({
  page,
  request,
}) => {
  const server = await upstream();
  const own = await instance();
  try {
    await firstAdmin(page, own);
    await ask(request, own, 'POST', '/servers', {
      slug: 'orders',
      name: 'Orders',
      url: server.url,
    });
    await ask(request, own, 'PUT', '/servers/orders/credential', { bearer: UPSTREAM_KEY });
    await ask(request, own, 'POST', '/policies', {
      name: 'orders-first',
      server: 'orders',
      text: JSON.stringify({ version: '1', default: 'deny', tools: { get_order: {} } }),
    });
    const { token } = await ask<{ token: string }>(request, own, 'POST', '/grants', {
      label: 'agent-orders',
      servers: [{ server: 'orders', policy: 'orders-first' }],
    });

    // Step 6 is reached with what is there: no second grant, and no token that is not shown again.
    await page.goto(`${own.control}/welcome`);
    const calls = page.getByRole('region', { name: 'Watch the first calls' });
    await expect(calls).toContainText('Waiting for the first call…');
    await expect(calls).toContainText('The token of agent-orders was shown once');
    await expect(page.getByRole('button', { name: 'Create grant' })).toHaveCount(1);
    await expect(page.getByText(token)).toHaveCount(0);
    await calls.getByRole('link', { name: 'To the grant, to rotate its token' }).click();
    await expect(page.getByRole('heading', { name: 'agent-orders' })).toBeVisible();

    // A grant alone ends nothing: the overview still leads there.
    const list = page.getByRole('region', { name: 'Zero to a governed call in three minutes' });
    await page.goto(own.control);
    await expect(list.getByRole('listitem').filter({ hasText: '✓ done' })).toHaveCount(5);
    await list.getByRole('link', { name: 'Go on' }).click();
    await expect(calls).toBeVisible();

    // Whoever wants no more of it is believed, also tomorrow.
    await page.goto(own.control);
    await list.getByRole('button', { name: 'Dismiss' }).click();
    await expect(list).toHaveCount(0);
    await page.reload();
    await settled(page);
    await expect(page.getByText('Calls, last 24 hours').first()).toBeVisible();
    await expect(list).toHaveCount(0);

    // With calls both of its ends are seen, by whoever comes back as well.
    await page.evaluate(() => localStorage.clear());
    await callTool(request, own, 'orders', token, 'cancel_order');
    await page.goto(`${own.control}/welcome`);
    await expect(calls).toContainText('cancel_order');
    await expect(calls).toContainText('✓ done');
    await page.goto(own.control);
    await settled(page);
    await expect(page.getByText('Calls, last 24 hours').first()).toBeVisible();
    await expect(list).toHaveCount(0);
  } finally {
    server.end();
    await own.end();
  }
});

test('a first run whose server lists no tools says so, and asks it again', async ({
  page,
  request,
}) => {
  const server = await upstream();
  const own = await instance();
  try {
    await firstAdmin(page, own);
    // It was registered before it had its key: nothing could be listed.
    await ask(request, own, 'POST', '/servers', { slug: 'orders', url: server.url });
    await ask(request, own, 'PUT', '/servers/orders/credential', { bearer: UPSTREAM_KEY });
    await page.goto(`${own.control}/welcome`);
    const choose = page.getByRole('region', { name: 'Choose a policy' });
    await expect(choose).toContainText('orders lists no tools so far.');
    await choose.getByRole('button', { name: 'Look at the server again' }).click();
    await expect(choose.getByRole('row', { name: /get_order/ })).toContainText('Allowed');
    await expect(choose).not.toContainText('lists no tools');
  } finally {
    await own.end();
    server.end();
  }
});
