// What a draft would do to limits, in its review: from what was counted, before anything is published.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { ask, callTool, firstAdmin, instance } from './instance';
import { site } from './site';

const document = (max: number) =>
  JSON.stringify({
    version: '1',
    default: 'deny',
    tools: {
      list_orders: {
        limits: [
          { counter: 'lists', window: 'day', max },
          { counter: 'bursts', window: 'minute', max: 50, rolling: true },
        ],
      },
    },
  });

test('a review says what a lower limit would do now and would have done lately', async ({
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
      },
    });
    await ask(request, here, 'POST', '/servers/orders/refresh');
    await ask(request, here, 'POST', '/policies', { name: 'reading', text: document(5) });
    const { token } = await ask<{ token: string }>(request, here, 'POST', '/grants', {
      label: 'reader',
      servers: [{ server: 'orders', policy: 'reading' }],
    });
    for (let n = 0; n < 3; n += 1)
      expect(await callTool(request, here, 'orders', token, 'list_orders')).toContain('no orders');
    const kept = await request.put(`${here.control}/api/v1/policies/reading/draft`, {
      headers: { authorization: `Bearer ${here.key}`, 'if-none-match': '*' },
      data: { text: document(2), cases: [] },
    });
    expect(kept.ok(), await kept.text()).toBe(true);

    await firstAdmin(page, here);
    await page.goto(`${here.control}/policies/reading/build`);
    await page.getByRole('button', { name: 'Review and publish' }).click();
    const effect = page.getByRole('region', { name: 'Effect on limits' });
    const lists = effect.getByRole('row', { name: /^lists/ });
    await expect(lists).toContainText('5 in day in UTC → 2 in day in UTC');
    await expect(lists).toContainText('3: full at once');
    await expect(lists).toContainText('1 window held more.');
    await expect(lists).toContainText('The most was 3');
    await expect(lists).toContainText('reader');
    await expect(effect.getByRole('row', { name: /^bursts/ })).toHaveCount(0);
    await effect.getByRole('button', { name: 'Show them' }).click();
    await expect(effect.getByRole('row', { name: /^bursts/ })).toContainText('same');
    expect(await faults(page, 'effect on limits')).toEqual([]);
  } finally {
    orders.end();
    await here.end();
  }
});
