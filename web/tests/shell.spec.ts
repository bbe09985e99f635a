// The frame of every screen: commands, the state of the instance, the zone of moments; and what it opens.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, asking, grantOf, pageOf, settled } from './world';

const HOME = () => house().control_url;

test('a command of the palette opens what it names, and is offered to those who may', async ({
  page,
  context,
  browser,
}) => {
  await act(context);
  const find = async (on: typeof page, text: string) => {
    await on.goto(HOME());
    await settled(on);
    await on.keyboard.press('Control+k');
    await on.getByPlaceholder('Search or run a command').fill(text);
  };
  for (const [command, title] of [
    ['Create a grant', 'Create grant'],
    ['Create a policy', 'Create policy'],
    ['Add a server', 'Add server'],
    ['Invite somebody', 'Invite somebody'],
    ['Create an API key', 'Make a key'],
  ] as const) {
    await find(page, command);
    await page.getByRole('button', { name: command }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog, command).toBeVisible();
    await expect(dialog, command).toContainText(title);
    await expect(page).toHaveURL(/#new$/);
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await expect(page).not.toHaveURL(/#new$/);
  }
  const viewer = await pageOf(browser, house().members.viewer ?? '');
  await find(viewer, 'grant');
  await expect(viewer.getByRole('button', { name: 'What each grant may do' })).toBeVisible();
  await expect(viewer.getByRole('button', { name: 'Create a grant' })).toHaveCount(0);
  // An address that asks for it opens nothing for them either.
  await viewer.goto(`${HOME()}/grants#new`);
  await settled(viewer);
  await expect(viewer.getByRole('button', { name: 'Create grant' }).first()).toBeVisible();
  await expect(viewer.getByRole('dialog')).toHaveCount(0);
  await viewer.context().close();
});

test('a server of the catalogue fills in the form, and what was typed stays', async ({
  page,
  context,
}) => {
  await act(context);
  await page.goto(`${HOME()}/servers#new`);
  const dialog = page.getByRole('dialog');
  const address = dialog.getByLabel('Address of its MCP endpoint');
  const choose = dialog.getByLabel('From the catalogue');
  await choose.selectOption('Stripe');
  await expect(address).toHaveValue('https://mcp.stripe.com');
  await expect(dialog.getByLabel('Short name')).toHaveValue('stripe');
  await expect(dialog).toContainText('lets callers in by OAuth or by a key');
  expect(await faults(page, 'catalogue')).toEqual([]);
  await choose.selectOption('');
  await expect(address).toHaveValue('');
  await address.fill('https://mcp.example/mcp');
  await choose.selectOption('Linear');
  await address.fill('https://mcp.example/mcp');
  await choose.selectOption('');
  await expect(address).toHaveValue('https://mcp.example/mcp');
});

test('a clock in doubt and an export that lags are said on every screen, with what follows', async ({
  page,
  context,
}) => {
  await act(context);
  let doubt: object | null = {
    reason: 'jumped_ahead',
    seconds: 7200,
    since: '2026-03-01T10:00:00Z',
  };
  const clock = () => ({
    now: '2026-03-01T12:00:00Z',
    counted_at: '2026-03-01T10:00:00Z',
    believed: doubt === null,
    doubt,
  });
  // A clock of a test machine is not moved: the server says what it says when somebody did.
  await page.route('**/api/v1/health/detail', (route) =>
    route.fulfill({
      json: {
        status: 'ok',
        parts: [
          { part: 'store', state: 'ok', said: null },
          ...(doubt ? [{ part: 'clock', state: 'degraded', said: 'the clock jumped ahead' }] : []),
          { part: 'export webhook', state: 'lagging', said: '12,000 entries are waiting' },
        ],
      },
    }),
  );
  await page.route('**/api/v1/clock', (route) => route.fulfill({ json: clock() }));
  let reason = '';
  await page.route('**/api/v1/clock/confirm', (route) => {
    reason = (route.request().postDataJSON() as { reason: string }).reason;
    doubt = null;
    return route.fulfill({ json: clock() });
  });
  await page.goto(`${HOME()}/grants`);
  const bar = page.getByRole('status').filter({ hasText: 'The clock is in doubt' });
  await expect(bar).toContainText('tools with limits are denied until an admin confirms it');
  await expect(bar).toContainText(
    'Late: export webhook. 12,000 entries are waiting. No call waits',
  );
  await expect(page.getByText('Partly ready')).toBeVisible();
  expect(await faults(page, 'bar')).toEqual([]);
  await bar.getByRole('link', { name: 'To the clock' }).click();
  const panel = page.getByRole('region', { name: 'Clock' });
  await expect(panel).toContainText('The clock jumped ahead by 7,200 s.');
  await panel.getByRole('button', { name: 'Confirm the clock' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Why the clock was moved').fill('the machine was asleep');
  await dialog.getByRole('button', { name: 'Confirm the clock' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(panel).toContainText('is believed');
  expect(reason).toBe('the machine was asleep');
});

test('moments are shown in UTC for whoever chose it, and the head says so', async ({ browser }) => {
  const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
  await act(context);
  const page = await context.newPage();
  await page.goto(`${HOME()}/settings`);
  const zone = page.getByRole('banner').getByTitle(/^Times are shown in/);
  await expect(zone).toHaveText(/GMT\+9|JST/);
  await page.getByRole('radiogroup', { name: 'Times' }).getByText('UTC').click();
  await page.goto(`${HOME()}/grants`);
  await expect(zone).toHaveText('UTC');
  await context.close();
});

test('a grant shows how its tokens begin, and counts down to the end of the old one', async ({
  page,
  context,
  request,
}) => {
  const { id, label, token } = await grantOf(request);
  const rotated = await request.post(`${HOME()}/api/v1/grants/${id}/rotate`, {
    headers: asking(),
    data: { overlap_seconds: 600 },
  });
  const { token: next } = (await rotated.json()) as { token: string };
  await act(context);
  await page.goto(`${HOME()}/grants/${label}`);
  const main = page.getByRole('main');
  await expect(main).toContainText(`Token ${next.slice(0, 9)}… · generation 2`);
  await expect(main).toContainText(new RegExp(`${token.slice(0, 9)}… stops in 9:\\d\\d`));
  await expect(main.getByRole('link', { name: 'v1', exact: true })).toHaveAttribute(
    'href',
    /\/policies\/.+\/v\/1$/,
  );
  await expect(page.locator('body')).not.toContainText(next.slice(0, 24));
});
