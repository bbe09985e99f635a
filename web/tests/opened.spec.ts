// What opens over a page: it keeps to the content policy, whatever styles it brings while it runs, and the
// open approval is accessible. Done when 2 and 3, where they are about what is not there at first.
import { type APIRequestContext, expect, type Page } from '@playwright/test';
import { faults, violations } from './axe';
import { house } from './house';
import { act, asking, call, held, listen, pageOf, REFUND, settled, test } from './world';

/** Tells of every style, script or file that the content policy has held back, in what `listen` hears. */
const tell = (page: Page) =>
  page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(
        `Content Security Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample} ` +
          `${event.sourceFile}:${event.lineNumber}`,
      ),
    ),
  );

/** A style without the nonce is heard of: what follows can fail. */
async function heard(page: Page, said: string[]): Promise<void> {
  expect(said).toEqual([]);
  await page.evaluate(() => {
    document.head.append(Object.assign(document.createElement('style'), { textContent: 'b{}' }));
  });
  await expect.poll(() => said.length).toBeGreaterThan(0);
}

const go = async (page: Page, path: string) => {
  await page.goto(house().control_url + path);
  await settled(page);
};

const press = async (page: Page, name: string | RegExp) => {
  const button = page
    .getByRole('main')
    .getByRole('button', { name, exact: typeof name === 'string' })
    .first();
  // Until the server has said who may, it is asleep.
  await expect(button).not.toHaveAttribute('aria-disabled', 'true');
  await button.click();
};

/** Opens a dialog by a button of the page, and closes it by Escape. */
async function dialog(page: Page, name: string | RegExp): Promise<void> {
  await press(page, name);
  await expect(page.getByRole('dialog').first()).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

async function policyOf(request: APIRequestContext, name: string): Promise<void> {
  const made = await request.post(`${house().control_url}/api/v1/policies`, {
    headers: asking(),
    data: {
      name,
      server: 'payments',
      text: JSON.stringify({ version: '1', default: 'deny', tools: { list_invoices: {} } }),
    },
  });
  expect(made.status(), await made.text()).toBe(201);
}

test('dialogs, menus, the palette, hints and notices keep to the content policy while they are open', async ({
  page,
  context,
  browser,
}) => {
  await act(context);
  const said = listen(page);
  await tell(page);
  await go(page, '/');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog').getByRole('textbox');
  await palette.fill('support');
  await expect(page.getByRole('dialog')).toContainText('support-agent');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('this list');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('button', { name: /^Account of/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Sign out', exact: true })).toBeVisible();
  await page.keyboard.press('Escape');
  for (const [path, ...names] of [
    ['/grants', 'Create grant'],
    ['/grants/support-agent', 'Revoke now', 'Change policy'],
    ['/servers', 'Add server'],
    ['/policies', 'Create policy'],
    ['/members', 'Invite'],
    ['/members?tab=groups', 'Create group'],
    ['/keys', 'Make a key'],
    ['/keys?tab=sealing', 'Rotate'],
    ['/settings/channels', /^Add a channel/],
  ] as const) {
    await go(page, path);
    for (const name of names) await dialog(page, name);
  }
  // A notice of what was done.
  await go(page, '/servers/payments/tools');
  await press(page, 'Look again');
  await expect(page.locator('.mantine-Notification-root').first()).toBeVisible();
  await heard(page, said);

  // A hint says why a button is asleep.
  const viewer = await pageOf(browser, house().members.viewer);
  const told = listen(viewer);
  await tell(viewer);
  await go(viewer, '/grants');
  const asleep = viewer.getByRole('button', { name: 'Create grant', exact: true }).first();
  await expect(asleep).toHaveAttribute('aria-disabled', 'true');
  await asleep.hover();
  await expect(viewer.locator('.cs-hint')).toContainText('This needs the role');
  await heard(viewer, told);
  await viewer.context().close();
});

test('the editor, what it shows and the review keep to the content policy while they are open', async ({
  page,
  context,
  request,
}) => {
  const name = `opened-${process.pid}`;
  await policyOf(request, name);
  await act(context);
  const said = listen(page);
  await tell(page);
  await go(page, `/policies/${name}/json`);
  const editor = page.getByLabel('The policy as JSON');
  await editor.click();
  await page.keyboard.press('Control+f');
  await expect(page.locator('.cm-search')).toBeVisible();
  await page.keyboard.press('Escape');
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('{');
  await expect(page.locator('.cm-lintRange, .cm-lint-marker').first()).toBeVisible();
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.type('"');
  await page.keyboard.press('Control+Space');
  await expect(page.locator('.cm-tooltip-autocomplete')).toBeVisible();
  // Another, whose text nobody has spoilt.
  await policyOf(request, `${name}-to-publish`);
  await go(page, `/policies/${name}-to-publish/build`);
  await page.getByRole('button', { name: /^refund_payment/ }).click();
  await page.getByRole('radiogroup').getByText('Allow', { exact: true }).click();
  await expect(page.getByText(/· kept by/)).toBeVisible();
  await press(page, 'Review and publish');
  await expect(page.getByRole('region', { name: 'What changes, exactly' })).toContainText(
    'More open',
  );
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
  await heard(page, said);
});

test('the open approval and a call of the log are accessible in both schemes', async ({
  context,
  page,
  request,
}) => {
  const waiting = await held(request, { ...REFUND, amount: 911 });
  await call(request, 'support-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
  const listed = await request.get(`${house().control_url}/api/v1/calls?limit=1`, {
    headers: asking(),
  });
  const { items } = (await listed.json()) as { items: { id: string }[] };
  await act(context, house().members.finance);
  const said = listen(page);
  await tell(page);
  await go(page, `/logs/${items[0]?.id ?? ''}`);
  const found = await faults(page, 'a call');
  await go(page, `/approvals/${waiting.id}`);
  found.push(...(await faults(page, 'an approval')));
  await page.getByRole('button', { name: 'Open the arguments' }).click();
  const approve = page.getByRole('button', { name: 'Approve…' });
  await expect(approve).not.toHaveAttribute('aria-disabled', 'true');
  found.push(...(await faults(page, 'the open approval')));
  await approve.click();
  await expect(page.getByRole('button', { name: 'Approve once' })).toBeVisible();
  found.push(...(await violations(page, 'its sheet')));
  expect(found).toEqual([]);
  await heard(page, said);
});
