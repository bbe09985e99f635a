// The lines of the design that say when the dashboard is done, as far as the API goes today.
import { expect } from '@playwright/test';
import { house } from './house';
import { act, asking, call, REFUND, test } from './world';

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
