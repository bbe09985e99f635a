// Every policy screen for everybody: no violation that axe knows, no scroll to the side, and all of it by
// keyboard.
import { AxeBuilder } from '@axe-core/playwright';
import { expect as plain, type Page } from '@playwright/test';
import { house } from './house';
import { act, asking, call, REFUND, test } from './world';

// A busy machine is slow to draw and not wrong.
const expect = plain.configure({ timeout: 15_000 });
test.describe.configure({ timeout: 240_000 });

const api = () => `${house().control_url}/api/v1`;

const SCREENS = [
  '/policies',
  '/policies/finance/build',
  '/policies/finance/json',
  '/policies/finance/tests',
  '/policies/finance/simulate',
  '/policies/finance/simulate?view=ask',
  '/policies/finance/simulate?view=replay',
  '/policies/finance/simulate?view=watch',
  '/policies/finance/history',
  '/policies/finance/v/1',
];

/** The page has its heading and nothing that still loads. */
async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 20_000 });
}

async function violations(page: Page, where: string): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  return found.map(
    ({ id, nodes }) =>
      `${where}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`,
  );
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds no violation on any policy screen, and none scrolls to the side, ${colorScheme}`, async ({
    browser,
    request,
  }) => {
    await call(request, 'finance-agent', 'refund_payment', REFUND);
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    await act(context);
    const page = await context.newPage();
    const found: string[] = [];
    for (const screen of SCREENS) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(house().control_url + screen);
      await settled(page);
      found.push(...(await violations(page, screen)));
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        const over = () =>
          page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        await plain
          .poll(over, { timeout: 4_000 })
          .toBeLessThanOrEqual(0)
          .catch(async () => found.push(`${screen} at ${width}: ${await over()} px too wide`));
      }
    }
    expect(found).toEqual([]);
    await context.close();
  });
}

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
  const press = async (name: string | RegExp) => {
    const button = page.getByRole('button', { name, exact: typeof name === 'string' });
    await button.focus();
    await page.keyboard.press('Enter');
  };
  await press(/^refund_payment/);
  await page.getByRole('radio', { name: 'Deny', exact: true }).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('radio', { name: 'Allow', exact: true })).toBeChecked();
  await expect(page.getByText(/· kept by/)).toBeVisible();
  await press('Review and publish');
  const changes = page.getByRole('region', { name: 'What changes, exactly' });
  await expect(changes).toContainText('More open');
  expect(await violations(page, 'review')).toEqual([]);
  await page.getByLabel('Note for the record').focus();
  await page.keyboard.type('without a mouse');
  await press('Publish v2');
  await expect(page.getByRole('table', { name: 'History' })).toContainText('without a mouse');
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
