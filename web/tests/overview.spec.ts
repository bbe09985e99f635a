// The overview: what adds up, of all servers or of one, and each number a link to its calls.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, call, settled } from './world';

test('decisions of one server stand in the address, as a chart and as a table, and lead to the logs', async ({
  page,
  context,
  request,
}) => {
  await call(request, 'support-agent', 'list_invoices', {});
  await call(request, 'ci-runner', 'list_invoices', {});
  await act(context);
  await page.goto(house().control_url);
  await settled(page);
  const chart = page.getByRole('region', { name: 'Decisions per hour' });
  await chart.getByLabel('Server').selectOption('payments');
  await expect(page).toHaveURL(/\?server=payments$/);
  await expect(chart.getByRole('img', { name: /decisions in/ })).toHaveAccessibleName(
    /^[1-9]\d* decisions in 24 hours, /,
  );
  await chart.getByLabel('How far back').selectOption('week');
  await expect(page).toHaveURL(/span=week/);
  await expect(chart.getByRole('img', { name: /decisions in/ })).toHaveAccessibleName(
    / decisions in 168 hours, /,
  );
  await page.goto(`${house().control_url}/?server=payments`);
  await chart.getByRole('button', { name: 'As table' }).click();
  await chart.getByRole('row').last().getByRole('link').click();
  await expect(page).toHaveURL(/\/logs\?since=.*&until=.*&server=payments/);
  await expect(page.getByText('list_invoices').first()).toBeVisible();
  // A server that is not there has no decision, and the choice says what was asked for.
  await page.goto(`${house().control_url}/?server=gone`);
  await expect(chart.getByRole('img', { name: /decisions in/ })).toHaveAccessibleName(
    /^0 decisions/,
  );
  await expect(chart.getByLabel('Server')).toHaveValue('gone');
});

test('a rule is found by its name, and opened where it stands', async ({ page, context }) => {
  await act(context);
  await page.goto(house().control_url);
  await settled(page);
  await page.keyboard.press('Control+k');
  const find = page.getByRole('searchbox').or(page.getByPlaceholder('Search or run a command'));
  await find.first().fill('refund-value');
  await page.getByRole('button', { name: /\/limits\/refund-value · support/ }).click();
  await expect(page).toHaveURL(/\/policies\/support\/v\/\d+\?rule=.*refund-value/);
  await expect(page.getByText(/^Rule .*refund-value$/)).toBeVisible();
});

test('the time that is added is a line with a summary and a table, and the record says who saw it', async ({
  page,
  context,
  request,
}) => {
  await call(request, 'support-agent', 'list_invoices', {});
  await act(context);
  await page.goto(house().control_url);
  await settled(page);
  const added = page.getByRole('region', { name: 'Time we add' });
  await expect(added.getByText(/^half under /)).toBeVisible();
  await expect(added.getByRole('img', { name: /^Time added/ })).toHaveAccessibleName(
    /^Time added over 24 hours: half of the calls under .*, 99 % under .*; the slowest hour, /,
  );
  expect(await faults(page, 'overview')).toEqual([]);
  await added.getByRole('button', { name: 'As table' }).click();
  const hours = added.getByRole('table', { name: 'Time we add' });
  await expect(hours.getByRole('row').last()).toContainText(/ (µs|ms|s)/);
  expect(await faults(page, 'overview with a table')).toEqual([]);
  await hours.getByRole('link').last().click();
  await expect(page).toHaveURL(/\/logs\?.*decision=allowed/);
  await page.goBack();
  await expect(page.getByRole('region', { name: 'Record' })).toContainText('never witnessed');
});

test('what does not answer is told as not known, and never as nothing', async ({
  page,
  context,
}) => {
  await act(context);
  for (const list of ['grants', 'servers', 'reservations', 'approvals'])
    await page.route(new RegExp(`/api/v1/${list}(\\?.*)?$`), (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'urn:countersign:problem:unavailable',
          title: 'The store does not answer',
          status: 503,
          detail: 'try again',
          code: 'unavailable',
          request_id: 'req_test',
          errors: [],
        }),
      }),
    );
  await page.goto(house().control_url);
  const attention = page.getByRole('region', { name: 'Needs attention' });
  await expect(attention).toContainText('Not known: grants, servers, calls with unknown outcome.');
  await expect(attention).not.toContainText('Nothing needs you');
  const limits = page.getByRole('region', { name: 'Limits closest to the edge' });
  await expect(limits.getByRole('button', { name: 'Retry' })).toBeVisible();
  await expect(limits).not.toContainText('No limit has counted anything');
  const mine = page.getByRole('region', { name: 'Approvals' });
  await expect(mine.getByRole('button', { name: 'Retry' })).toBeVisible();
});
