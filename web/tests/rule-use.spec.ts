// How often each rule of a policy decided: in its row, as a table, and in the log behind both.
import { expect } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, asking, callAs, grantOf, held, REFUND, settled, test } from './world';

const POLICY = {
  version: '1',
  default: 'deny',
  tools: {
    list_invoices: {},
    refund_payment: {
      deny_if: [
        { conditions: [{ path: 'args.amount', op: 'gt', value: 1000 }] },
        { id: 'no-yen', conditions: [{ path: 'args.currency', op: 'eq', value: 'jpy' }] },
      ],
      approve_if: [
        {
          conditions: [{ path: 'args.amount', op: 'gt', value: 100 }],
          approvers: ['group:finance'],
        },
      ],
    },
  },
};

test('a rule shows how often it decided, and leads to the very calls', async ({
  page,
  context,
  request,
}) => {
  const name = `used-${process.pid}`;
  const made = await request.post(`${house().control_url}/api/v1/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text: `${JSON.stringify(POLICY, null, 2)}\n` },
  });
  expect(made.status(), await made.text()).toBe(201);
  const { token } = await grantOf(request, name);
  const call = (tool: string, args: unknown) =>
    callAs(request, house(), 'payments', token, tool, args);
  for (let n = 0; n < 3; n += 1) await call('refund_payment', { ...REFUND, amount: 2000 });
  await call('create_payout', {});
  await call('list_invoices', {});
  await held(request, REFUND, name);

  await act(context);
  await page.goto(`${house().control_url}/policies/${name}/build`);
  await page.getByRole('button', { name: /^refund_payment/ }).click();
  const denied = page.getByRole('region', { name: 'Denied when' });
  const link = denied.getByRole('link', { name: /^3 in 7 d, day by day [\d, ]+: amount is over/ });
  await expect(link).toHaveText('3 in 7 d');
  await expect(link.locator('svg rect')).toHaveCount(7);
  await expect(denied.getByText('0 in 7 d')).toHaveCount(1);
  await expect(
    page
      .getByRole('region', { name: 'A person signs off when' })
      .getByRole('link', { name: /^1 in 7 d/ }),
  ).toBeVisible();
  await expect(
    page.getByRole('link', { name: /^1 in 7 d.*calls of tools that are not listed$/ }),
  ).toBeVisible();

  await page.getByRole('button', { name: 'Calls of 7 days as table' }).click();
  const table = page.getByRole('table', { name: 'How often each rule decided' });
  const rule = '/tools/refund_payment/deny_if/args.amount-gt';
  await expect(table.getByRole('row').filter({ hasText: rule })).toContainText('3');
  const asks = table.getByRole('row').filter({ hasText: 'approve_if' });
  await expect(asks.getByRole('cell').last()).toHaveText('1');
  await settled(page);
  expect(await faults(page, 'the builder with counts')).toEqual([]);

  await link.click();
  await expect(page).toHaveURL(new RegExp(`/logs\\?.*policy=${name}`));
  await expect(page.getByText('3 calls loaded')).toBeVisible();
  await expect(page.getByLabel('Policy', { exact: true })).toHaveValue(name);
});

test('a rule that asks all day long says so, and one that does not is quiet', async ({
  page,
  context,
  request,
}) => {
  const name = `asks-${process.pid}`;
  const made = await request.post(`${house().control_url}/api/v1/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text: `${JSON.stringify(POLICY, null, 2)}\n` },
  });
  expect(made.status(), await made.text()).toBe(201);
  await held(request, REFUND, name);
  await act(context);
  const open = async () => {
    await page.goto(`${house().control_url}/policies/${name}/build`);
    await page.getByRole('button', { name: /^refund_payment/ }).click();
    await expect(page.getByRole('link', { name: /^(at least )?1 in 7 d/ }).first()).toBeVisible();
  };
  await open();
  await expect(page.getByText(/^Asked people/)).toHaveCount(0);
  // The same answer, had it asked 141 times, and had the log been too long to look at all of it.
  await page.route('**/api/v1/policies/*/use', async (route) => {
    const answer = await route.fetch();
    const told = (await answer.json()) as { rules: { held: number }[]; complete: boolean };
    for (const one of told.rules) one.held *= 141;
    await route.fulfill({ response: answer, json: { ...told, complete: false } });
  });
  await open();
  await expect(page.getByText('at least 1 in 7 d')).toBeVisible();
  await expect(
    page.getByText('Asked people 141 times in 7 days, over 20 times a day.'),
  ).toBeVisible();
});
