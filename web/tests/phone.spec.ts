// A phone in the hand: what is folded away, what stays in view, and what a tap does.
import { expect, test } from '@playwright/test';
import { house } from './house';
import { act, asking, call, pageOf, REFUND, settled } from './world';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test('a phone has the search and the health of the instance in its head', async ({ browser }) => {
  const page = await pageOf(browser, house().api_key, PHONE);
  await page.goto(house().control_url);
  await settled(page);
  const head = page.getByRole('banner');
  await expect(head.getByRole('img', { name: 'Ready' })).toBeVisible();
  await head.getByRole('button', { name: 'Search or run a command' }).click();
  await expect(page.getByPlaceholder('Search or run a command')).toBeVisible();
  await page.context().close();
});

test('on a phone the filters of the log are one button, its rule stays, and a tap on a line opens it', async ({
  browser,
  request,
}) => {
  await call(request, 'support-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
  const page = await pageOf(browser, house().api_key, PHONE);
  await page.goto(`${house().control_url}/logs?decision=denied&tool=refund_payment`);
  const tool = page.getByRole('textbox', { name: 'Tool' });
  const list = page.getByRole('table', { name: 'Logs' });
  const line = list.getByRole('row', { name: /deny_if/ }).first();
  await expect(line).toBeVisible();
  await expect(tool).toHaveCount(0);
  const rule = line.getByText(/^\/tools\/refund_payment\/deny_if/);
  await expect(rule).toBeVisible();
  await rule.click();
  await expect(page).toHaveURL(/\/logs\/[^/?]+\?/);
  await expect(page.getByRole('region', { name: 'Call' })).toBeVisible();
  await page.getByRole('button', { name: 'Filters (2)' }).click();
  await expect(tool).toHaveValue('refund_payment');
  await page.context().close();
});

test('a line of the log opens by a click anywhere, and its rule leads to the version that decided', async ({
  page,
  context,
  request,
}) => {
  await act(context);
  await call(request, 'support-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
  await page.goto(`${house().control_url}/logs?decision=denied&tool=refund_payment`);
  const line = page.getByRole('row', { name: /deny_if/ }).first();
  await expect(line).toContainText('currency');
  await line.getByText('support-agent').click();
  await expect(page).toHaveURL(/\/logs\/[^/?]+\?/);
  await page.goBack();
  await line.getByRole('link', { name: /^\/tools\/refund_payment\/deny_if/ }).click();
  await expect(page).toHaveURL(/\/policies\/[^/]+\/v\/\d+\?rule=/);
  await expect(page.locator('[data-lit="true"]').first()).toBeVisible();
});

test('both ends of a span are shown as moments of the zone, and the later one has a field', async ({
  page,
  context,
}) => {
  await act(context);
  const filter = 'since=2026-01-02T03:04:05.000Z&until=2126-01-02T03:04:05.000Z';
  await page.goto(`${house().control_url}/logs?${filter}`);
  await settled(page);
  const since = page.getByLabel('Since');
  await expect(since).toHaveValue('kept');
  await expect(since.getByRole('option', { selected: true })).not.toContainText('T03:04');
  const until = page.getByLabel(/^Until/);
  await expect(until).toHaveValue(/^2126-01-0[123]T/);
  await until.fill('2126-05-06T07:08');
  await until.press('Enter');
  await expect(page).toHaveURL(/until=2126-05-0[567]T/);
  await expect(page).toHaveURL(/since=2026-01-02/);
  await page.getByLabel(/^Until/).fill('');
  await page.getByLabel(/^Until/).press('Enter');
  await expect(page).not.toHaveURL(/until=/);
});

test('a change names what it was done to, leaves out counters, and stacks on a phone', async ({
  browser,
  request,
}) => {
  const label = `named-${process.pid}`;
  const made = await request.post(`${house().control_url}/api/v1/grants`, {
    headers: asking(),
    data: { label, servers: [{ server: 'payments', policy: 'support' }] },
  });
  expect(made.status()).toBe(201);
  const { grant } = (await made.json()) as { grant: { id: string } };
  const page = await pageOf(browser, house().api_key);
  await page.goto(`${house().control_url}/audit?subject=${grant.id}`);
  const line = page.getByRole('row').filter({ hasText: 'grant.issued' });
  await expect(line.getByRole('link', { name: label })).toHaveAttribute(
    'href',
    `/grants/${grant.id}`,
  );
  await expect(line).toContainText(grant.id);
  // The server stands in the name of a field.
  await expect(line).toContainText('servers.payments');
  await expect(line).not.toContainText('revision');
  await page.setViewportSize({ width: 390, height: 844 });
  const cells = await line.locator('td').evaluateAll((all) =>
    all.map((cell) => {
      const { left, right } = cell.getBoundingClientRect();
      return left >= 0 && right <= innerWidth;
    }),
  );
  expect(cells.length).toBe(7);
  expect(cells).not.toContain(false);
  await page.context().close();
});
