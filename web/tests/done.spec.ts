// The lines of the design that say when the dashboard is done, as far as the API goes today.
import { AxeBuilder } from '@axe-core/playwright';
import { expect } from '@playwright/test';
import { house } from './house';
import { act, asking, call, listen, REFUND, ROUTES, test } from './world';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds no violation and the content policy none on every route, ${colorScheme}`, async ({
    browser,
  }) => {
    test.setTimeout(150_000);
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    await act(context);
    const page = await context.newPage();
    const said = listen(page);
    const found: string[] = [];
    for (const route of ROUTES) {
      await page.goto(house().control_url + route);
      await page.getByRole('heading').or(page.getByRole('alert')).first().waitFor();
      await page.waitForLoadState('networkidle').catch(() => undefined);
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      for (const { id, nodes } of violations) {
        found.push(`${route}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
      }
    }
    expect(found).toEqual([]);
    expect(said).toEqual([]);
    await context.close();
  });
}

test('a decision opens the version that decided with its rule lit, after the policy has moved on', async ({
  page,
  context,
  request,
}) => {
  await act(context);
  await call(request, 'finance-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
  await call(request, 'support-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
  const listed = await request.get(
    `${house().control_url}/api/v1/calls?grant=support-agent&decision=denied&limit=1`,
    {
      headers: asking(),
    },
  );
  const { items } = (await listed.json()) as {
    items: { id: string; rule: string; policy: { version: number } }[];
  };
  const denied = items[0];
  expect(denied?.rule).toMatch(/^\/tools\/refund_payment\/deny_if\//);
  // The policy moves on: every line of the document stands elsewhere now.
  const policy = `${house().control_url}/api/v1/policies/support`;
  const live = (await (await request.get(policy, { headers: asking() })).json()) as {
    version: { text: string };
  };
  const published = await request.post(`${policy}/versions`, {
    headers: asking(),
    data: { text: live.version.text.replace('{', '{\n\n\n'), note: 'moved' },
  });
  expect(published.status()).toBe(201);

  await page.goto(`${house().control_url}/logs/${denied?.id ?? ''}`);
  await page.getByRole('link', { name: denied?.rule ?? '' }).click();
  await expect(page).toHaveURL(new RegExp(`/policies/support/v/${denied?.policy.version}\\?rule=`));
  const lit = page.locator('[data-lit="true"]');
  await expect(lit.first()).toBeVisible();
  expect((await lit.allTextContents()).join('\n')).toContain('currency');
});

test('every button is awake exactly for those whom the server lets', async ({ browser }) => {
  const buttons = [
    ['/grants', 'Create grant', 'grants_issue'],
    ['/servers', 'Add server', 'servers_create'],
    ['/policies', 'Create policy', 'policies_create'],
    ['/servers/payments/tools', 'Look again', 'servers_refresh'],
    ['/grants/support-agent', 'Rotate', 'grants_rotate'],
    ['/grants/support-agent', 'Revoke now', 'grants_revoke'],
    ['/grants/support-agent', 'Change policy', 'grants_attach'],
  ] as const;
  for (const key of [house().api_key, house().members.finance, house().members.viewer]) {
    const context = await browser.newContext();
    await act(context, key);
    const answer = await context.request.get(`${house().control_url}/api/v1/permissions`);
    const { operations } = (await answer.json()) as {
      operations: Record<string, { allowed: boolean }>;
    };
    const page = await context.newPage();
    for (const [route, name, operation] of buttons) {
      await page.goto(house().control_url + route);
      const button = page.getByRole('button', { name, exact: true });
      const awake = async () => (await button.getAttribute('aria-disabled')) !== 'true';
      await expect
        .poll(awake, { message: `${name} with ${operation}` })
        .toBe(operations[operation]?.allowed);
    }
    await context.close();
  }
});

test('an edit in Build is the same edit in JSON, and the server tells what is wrong with it', async ({
  page,
  context,
}) => {
  await act(context);
  await page.goto(`${house().control_url}/policies/finance/build`);
  await page
    .getByRole('button', { name: /^refund_payment|^create_payout/ })
    .first()
    .click();
  await page.getByRole('button', { name: '+ Requirement' }).click();
  await page.getByLabel('What the agent is told').fill('Say why.');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.reload();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.getByRole('button', { name: 'Discard draft' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard draft' }).click();
  await expect(page.getByLabel('The policy as JSON')).not.toContainText('Say why.');
});

test('by keyboard alone a grant is made, its token shown once, and the grant revoked', async ({
  page,
  context,
}) => {
  await act(context);
  await page.goto(`${house().control_url}/grants`);
  const press = async (name: string) => {
    const button = page.getByRole('button', { name, exact: true });
    await button.focus();
    await page.keyboard.press('Enter');
  };
  await press('Create grant');
  await page.getByLabel('Name', { exact: false }).first().focus();
  await page.keyboard.type('by-keyboard');
  await page.keyboard.press('Enter');
  const token = page.locator('[data-token]');
  await expect(token).toContainText('csg1_');
  await expect(token).not.toContainText(/csg1_.{20}/);
  await page.getByLabel('I have stored it').focus();
  await page.keyboard.press('Space');
  await press('Done');
  await expect(page.getByRole('heading', { name: 'by-keyboard' })).toBeVisible();
  await expect(page.locator('body')).not.toContainText(/csg1_.{20}/);
  await press('Revoke now');
  await page.getByLabel('Type by-keyboard to go on').focus();
  await page.keyboard.type('by-keyboard');
  await page.keyboard.press('Enter');
  await expect(page.getByText('This grant is revoked: nothing brings it back.')).toBeVisible();
});

test('a failing server and a lost stream each say so and lose nothing that was typed', async ({
  page,
  context,
}) => {
  await act(context);
  await page.goto(`${house().control_url}/logs`);
  await expect(page.getByText('● Live')).toBeVisible();
  await page.goto(`${house().control_url}/servers`);
  await page.getByRole('button', { name: 'Add server' }).click();
  await page.getByLabel('Short name').fill('typed');
  await page.getByLabel('Address of its MCP endpoint').fill('https://mcp.example/mcp');
  await page.route('**/api/v1/servers', (route) => route.abort());
  await page.getByRole('button', { name: 'Add server and look at it' }).click();
  await expect(page.getByRole('alert')).toContainText('The server does not answer');
  await expect(page.getByLabel('Short name')).toHaveValue('typed');
});

test('screens hold at every width, without a scroll to the side', async ({
  browser,
  request,
}, info) => {
  test.setTimeout(150_000);
  await call(request, 'support-agent', 'refund_payment', REFUND);
  const screens = [
    '/',
    '/logs',
    '/policies/support/build',
    '/grants/support-agent',
    '/servers/payments/tools',
    '/grants?view=matrix',
  ];
  const wide: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 390, 320]) {
      const context = await browser.newContext({
        colorScheme,
        viewport: { width, height: 900 },
        reducedMotion: 'reduce',
      });
      await act(context);
      const page = await context.newPage();
      for (const [at, route] of screens.entries()) {
        await page.goto(house().control_url + route);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth,
        );
        if (over > 0) wide.push(`${route} at ${width}: ${over} px`);
        await page.screenshot({ path: info.outputPath(`${at + 1}-${width}-${colorScheme}.png`) });
      }
      await context.close();
    }
  }
  expect(wide).toEqual([]);
});
