// The policy screens by keyboard alone, and for whoever may only look.
import { expect, type Locator } from '@playwright/test';
import { violations } from './axe';
import { house } from './house';
import { act, asking, settled, test } from './world';

const api = () => `${house().control_url}/api/v1`;

test('by keyboard alone a policy is edited, reviewed and published', async ({
  page,
  context,
  request,
}) => {
  await act(context);
  const made = await request.post(`${api()}/policies`, {
    headers: asking(),
    data: {
      name: 'by-keyboard',
      server: 'payments',
      text: JSON.stringify({ version: '1', default: 'deny', tools: { list_invoices: {} } }),
    },
  });
  expect(made.status(), await made.text()).toBe(201);
  await page.goto(`${house().control_url}/policies/by-keyboard/build`);
  /** Goes on with Tab from where the focus is, and round by the top of the page, until it is there. */
  const reach = async (there: Locator) => {
    await expect(there).toHaveCount(1);
    await expect(there).not.toHaveAttribute('aria-disabled', 'true');
    for (let steps = 0; steps < 200; steps += 1) {
      if (await there.evaluate((node) => node === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    await expect(there).toBeFocused();
  };
  const press = async (name: string | RegExp) => {
    await reach(page.getByRole('button', { name, exact: typeof name === 'string' }));
    await page.keyboard.press('Enter');
  };
  await press(/^refund_payment/);
  await reach(page.getByRole('radio', { name: 'Deny', exact: true }));
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('radio', { name: 'Allow', exact: true })).toBeChecked();
  await expect(page.getByText(/· kept by/)).toBeVisible();
  await press('Review and publish');
  const changes = page.getByRole('region', { name: 'What changes, exactly' });
  await expect(changes).toContainText('More open');
  // The page that took the place of the other begins at its heading.
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  expect(await violations(page, 'review')).toEqual([]);
  await reach(page.getByLabel('Note for the record'));
  await page.keyboard.type('without a mouse');
  await press('Publish v2');
  await expect(page.getByRole('table', { name: 'History' })).toContainText('without a mouse');
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
});

test('a viewer sees every policy screen and no button that the server would refuse', async ({
  browser,
}) => {
  const context = await browser.newContext();
  await act(context, house().members.viewer);
  const page = await context.newPage();
  for (const [screen, names] of [
    ['/policies/finance/build', ['Discard draft', 'Review and publish']],
    ['/policies/finance/simulate', ['Try this call']],
    ['/policies/finance/simulate?view=ask', ['Ask']],
    ['/policies/finance/simulate?view=watch', ['Watch this draft']],
    ['/policies/finance/tests', ['Run tests', 'Look for gaps']],
  ] as const) {
    await page.goto(house().control_url + screen);
    await settled(page);
    for (const name of names) {
      const button = page.getByRole('button', { name, exact: true });
      await expect(button, `${screen} ${name}`).toHaveAttribute('aria-disabled', 'true');
    }
  }
  await context.close();
});
