// Policies from the first edit to the published version: drafts, two editors, review, restore.
import { type APIRequestContext, expect, type Page } from '@playwright/test';
import { house } from './house';
import { act, asking, call, REFUND, test } from './world';

const api = () => `${house().control_url}/api/v1`;

const POLICY = {
  version: '1',
  default: 'deny',
  tools: {
    list_invoices: {},
    refund_payment: {
      deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: 1000 }] }],
    },
  },
};

/** A policy of a test's own, and a grant under it. */
async function begin(request: APIRequestContext, name: string, policy: unknown = POLICY) {
  const made = await request.post(`${api()}/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text: `${JSON.stringify(policy, null, 2)}\n` },
  });
  expect(made.status(), await made.text()).toBe(201);
  const grant = await request.post(`${api()}/grants`, {
    headers: asking(),
    data: { label: name, servers: [{ server: 'payments', policy: name }] },
  });
  expect(grant.status(), await grant.text()).toBe(201);
  const { token } = (await grant.json()) as { token: string };
  const grants = { ...house().grants, [name]: token };
  process.env.HOUSE = JSON.stringify({ ...house(), grants });
}

const draftOf = async (request: APIRequestContext, name: string) =>
  (await (await request.get(`${api()}/policies/${name}/draft`, { headers: asking() })).json()) as {
    text: string;
    revision: number;
  };

const open = (page: Page, name: string, tab: string) =>
  page.goto(`${house().control_url}/policies/${name}/${tab}`);

const kept = (page: Page) => expect(page.getByText(/· kept by/)).toBeVisible();

test('an edit in Build is the same edit in JSON, is kept by the server, and can be undone', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'edited');
  await act(context);
  await open(page, 'edited', 'build');
  await page.getByRole('button', { name: /^refund_payment/ }).click();
  await page.getByRole('button', { name: '+ Requirement' }).click();
  await page.getByLabel('What the agent is told').fill('Say why.');
  await kept(page);
  expect((await draftOf(request, 'edited')).text).toContain('"on_deny": "Say why."');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.reload();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.getByRole('button', { name: 'Discard draft' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard draft' }).click();
  await expect(page.getByLabel('The policy as JSON')).not.toContainText('Say why.');
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(page.getByLabel('The policy as JSON')).toContainText('Say why.');
});

test('of two editors the second is refused with both texts and loses none', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'shared');
  await act(context);
  await open(page, 'shared', 'build');
  await page.getByRole('button', { name: /^Document/ }).click();
  await page.getByLabel('Description').fill('mine');
  await kept(page);
  const before = await draftOf(request, 'shared');
  const theirs = await request.put(`${api()}/policies/shared/draft`, {
    headers: { ...asking(house().members.finance), 'if-match': `"${before.revision}"` },
    data: { text: before.text.replace('mine', 'theirs') },
  });
  expect(theirs.status(), await theirs.text()).toBe(200);
  await page.getByLabel('Description').fill('mine, and more');
  const clash = page.getByRole('alert', { name: 'Somebody else edited this draft meanwhile' });
  await expect(clash).toContainText('theirs');
  await expect(clash).toContainText('mine, and more');
  expect((await draftOf(request, 'shared')).text).toContain('theirs');
  await expect(page.getByLabel('Description')).toHaveValue('mine, and more');
  await clash.getByRole('button', { name: 'Keep mine' }).click();
  await kept(page);
  expect((await draftOf(request, 'shared')).text).toContain('mine, and more');
});

test('a draft outlives a server that does not answer', async ({ page, context, request }) => {
  await begin(request, 'offline');
  await act(context);
  await open(page, 'offline', 'build');
  await page.getByRole('button', { name: /^Document/ }).click();
  await page.route('**/draft', (route) => route.abort());
  await page.getByLabel('Description').fill('typed while nothing answered');
  await expect(page.getByText('not kept: it stays here and is sent again')).toBeVisible();
  await page.unroute('**/draft');
  await page.reload();
  await page.getByRole('button', { name: /^Document/ }).click();
  await expect(page.getByLabel('Description')).toHaveValue('typed while nothing answered');
  await kept(page);
});

test('what one person could not send is never sent as another’s', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'shared-browser');
  await act(context);
  await open(page, 'shared-browser', 'build');
  await page.getByRole('button', { name: /^Document/ }).click();
  await page.route('**/draft', (route) => route.abort());
  await page.getByLabel('Description').fill('typed by the admin');
  await expect(page.getByText('not kept: it stays here and is sent again')).toBeVisible();
  await page.unroute('**/draft');
  // Somebody else comes to the same browser.
  await act(context, house().members.finance);
  let sent = 0;
  page.on('request', (asked) => {
    if (asked.method() === 'PUT' && asked.url().endsWith('/draft')) sent += 1;
  });
  await open(page, 'shared-browser', 'history');
  await expect(page.getByRole('tab', { name: 'History' })).toBeVisible();
  await page.waitForTimeout(3_000);
  expect(sent).toBe(0);
  await open(page, 'shared-browser', 'build');
  await page.getByRole('button', { name: /^Document/ }).click();
  await expect(page.getByLabel('Description')).toHaveValue('');
});

test('review shows the exact change with example calls, and says when it opens something', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'reviewed');
  await act(context);
  await open(page, 'reviewed', 'build');
  await page.getByRole('button', { name: /^refund_payment/ }).click();
  await page.getByRole('button', { name: /^Edit: amount is over 1,?000/ }).click();
  await page.getByRole('textbox', { name: 'Value', exact: true }).fill('2000');
  await kept(page);
  await page.getByRole('button', { name: 'Review and publish' }).click();
  const changes = page.getByRole('region', { name: 'What changes, exactly' });
  await expect(changes).toContainText('More open: 1 change lets more through.');
  await expect(changes).toContainText('1000 < amount ≤ 2000');
  await expect(changes).toContainText('"amount":1001');
  await expect(page.getByRole('region', { name: 'The last 7 days' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Reaches' })).toContainText('reviewed');
  await page.getByLabel('Note for the record').fill('twice as much');
  await page.getByRole('button', { name: 'Publish v2' }).click();
  await expect(page.getByRole('table', { name: 'History' })).toContainText('twice as much');
  await page.getByRole('button', { name: 'Restore v1' }).click();
  await expect(page.getByRole('heading', { name: 'Publish reviewed v3?' })).toBeVisible();
  await expect(page.getByText('Nothing becomes more open.')).toBeVisible();
  await page.getByRole('button', { name: 'Publish v3' }).click();
  await expect(page.getByRole('table', { name: 'History' })).toContainText('v3');
});

test('the review stands in the address, says which approvals are judged again, and going back leaves it', async ({
  page,
  context,
  request,
}) => {
  const approve_if = [
    { conditions: [{ path: 'args.amount', op: 'gt', value: 100 }], approvers: ['role:admin'] },
  ];
  await begin(request, 'reviewed-again', { ...POLICY, tools: { refund_payment: { approve_if } } });
  await call(request, 'reviewed-again', 'refund_payment', { ...REFUND, amount: 207 });
  await act(context);
  await open(page, 'reviewed-again', 'build');
  await page.getByRole('button', { name: /^Document/ }).click();
  await page.getByLabel('Description').fill('said anew');
  await kept(page);
  await page.getByRole('button', { name: 'Review and publish' }).click();
  await expect(page).toHaveURL(/\/policies\/reviewed-again\/build\?.*review=yes/);
  await expect(page.getByRole('region', { name: 'Reaches' })).toContainText(
    '1 approval is judged again',
  );
  await page.goBack();
  await expect(page).toHaveURL(/\/policies\/reviewed-again\/build/);
  await expect(page.getByRole('button', { name: 'Review and publish' })).toBeVisible();
  await page.getByRole('button', { name: /^Document/ }).click();
  await expect(page.getByLabel('Description')).toHaveValue('said anew');
  // Where there is nothing to publish, the address of a review shows the policy.
  await open(page, 'support', 'build?review=yes');
  await expect(page.getByRole('tab', { name: 'Build' })).toBeVisible();
});

test('the tab of the tests says that they passed, until something is changed', async ({
  page,
  context,
  request,
}) => {
  const made = await request.post(`${api()}/policies`, {
    headers: asking(),
    data: {
      name: 'tested',
      server: 'payments',
      text: JSON.stringify(POLICY),
      cases: [
        { call: { name: 'list_invoices', arguments: {} }, expect: { outcome: 'allow' } },
        { call: { name: 'create_payout', arguments: {} }, expect: { outcome: 'deny' } },
      ],
    },
  });
  expect(made.status(), await made.text()).toBe(201);
  await act(context);
  await open(page, 'tested', 'tests');
  const tab = page.getByRole('tab', { name: /^Tests/ });
  await expect(tab).toHaveText('Tests 2');
  await page.getByRole('button', { name: 'Run tests' }).click();
  await expect(tab).toHaveText('Tests 2 ✓');
  await page.getByRole('tab', { name: 'Build' }).click();
  await page.getByRole('button', { name: /^Document/ }).click();
  await page.getByLabel('Description').fill('something else');
  await expect(tab).toHaveText('Tests 2');
});

test('a failing test case and a problem each stop publishing, and a gap becomes a case by one click', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'stopped');
  await act(context);
  const put = async (data: unknown) => {
    const put = await request.put(`${api()}/policies/stopped/draft`, {
      headers: { ...asking(), 'if-none-match': '*' },
      data,
    });
    expect(put.status(), await put.text()).toBe(200);
  };
  const failing = { call: { tool: 'list_invoices', arguments: {} }, expect: { outcome: 'deny' } };
  await put({ text: JSON.stringify({ ...POLICY, description: 'x' }, null, 2), cases: [failing] });
  await open(page, 'stopped', 'tests');
  await page.getByRole('button', { name: 'Run tests' }).click();
  await expect(page.getByText('0 of 1 pass')).toBeVisible();
  await page.getByRole('button', { name: 'Review and publish' }).click();
  await expect(page.getByText('Publishing waits until every test passes.').last()).toBeVisible();
  await page.getByRole('button', { name: 'Publish v2' }).click({ force: true });
  const { latest } = (await (
    await request.get(`${api()}/policies/stopped`, { headers: asking() })
  ).json()) as { latest: number };
  expect(latest).toBe(1);
  await page.getByRole('button', { name: 'Back' }).click();
  await page.getByRole('button', { name: 'Look for gaps' }).click();
  await expect(page.getByText(/rules exercised/)).toBeVisible();
  await page.getByRole('button', { name: /^Add all \d+ cases/ }).click();
  await page.getByRole('button', { name: 'Look again' }).click();
  await expect(page.getByText('Nothing: every rule is exercised')).toBeVisible();
});

test('a question is answered by a proof or by a call, and a call is tried with its whole trace', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'asked');
  await act(context);
  await open(page, 'asked', 'simulate');
  await page.getByLabel('Tool').selectOption('refund_payment');
  await page.getByRole('textbox', { name: 'amount (needed)' }).fill('1001');
  await page.getByRole('button', { name: 'Try this call' }).click();
  const answer = page.getByRole('region', { name: 'Answer' });
  await expect(answer).toContainText('Denied');
  await expect(answer).toContainText('/tools/refund_payment/deny_if/args.amount-gt');
  await expect(answer).toContainText('fires');
  await page.getByText('Ask', { exact: true }).click();
  const question = page.getByRole('textbox', { name: 'Question' });
  await question.fill('can refund_payment pass when amount > 1000?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await expect(page.getByRole('region', { name: 'No', exact: true })).toBeVisible();
  await question.fill('can refund_payment pass when amount = 1000?');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Yes', exact: true })).toContainText(
    '"amount":1000',
  );
  await question.fill('may it?');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toBeVisible();
});

test('a draft is watched beside live calls, enforces nothing, and says what it would have done', async ({
  page,
  context,
  request,
}) => {
  await begin(request, 'watched');
  await act(context);
  const stricter = JSON.stringify(POLICY, null, 2).replace('1000', '100');
  await request.put(`${api()}/policies/watched/draft`, {
    headers: { ...asking(), 'if-none-match': '*' },
    data: { text: stricter },
  });
  await page.goto(`${house().control_url}/policies/watched/simulate?view=watch`);
  await page.getByRole('button', { name: 'Watch this draft' }).click();
  await expect(page.getByText(/^Watching, ends/)).toBeVisible();
  await call(request, 'watched', 'refund_payment', { ...REFUND, amount: 480 });
  await call(request, 'watched', 'list_invoices', {});
  await expect(page.getByText(/2 calls judged, 1 differ/)).toBeVisible();
  const table = page.getByRole('table', { name: 'Live version and candidate' });
  await expect(table.getByRole('row', { name: /refund_payment/ })).toContainText('Allowed');
  await expect(table.getByRole('row', { name: /refund_payment/ })).toContainText(
    '/tools/refund_payment/deny_if/args.amount-gt',
  );
  await expect(page.locator('body')).not.toContainText('pi_1001');
  await page.getByRole('table', { name: 'Calls as they come' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/\/logs\/call_/);
  await page.goBack();
  await page.getByRole('button', { name: 'Stop watching' }).click();
  await expect(page.getByText(/^Over ·/)).toBeVisible();
});

test('every template is a policy without a problem that its server’s tools can be called under', async ({
  page,
  context,
}) => {
  await act(context);
  for (const [at, name] of [
    'Read-only',
    'Payments',
    'Business hours',
    'Everything with a person',
  ].entries()) {
    await page.goto(`${house().control_url}/policies`);
    await page.getByRole('button', { name: 'Create policy' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill(`template-${at}`);
    await form.getByLabel('Written for the server').selectOption('payments');
    await form.getByLabel('Begin with').selectOption({ label: name });
    await form.getByRole('button', { name: 'Create policy' }).click();
    await expect(page.getByText('No problems')).toBeVisible();
    await page.getByRole('button', { name: 'Review and publish' }).click();
    await expect(page.getByText(/^More open/)).toBeVisible();
    await page.getByRole('button', { name: 'Publish v1' }).click();
    await expect(page.getByRole('table', { name: 'History' })).toContainText('v1');
  }
});
