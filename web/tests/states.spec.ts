// What a screen does when something is not as it should be, and when there is much of it: done when 2, 5,
// 7, 9 and 10, where they are about one screen.
import { expect } from '@playwright/test';
import { house } from './house';
import { issuer } from './issuer';
import { Meter } from './work';
import { act, asking, callAs, call, grantOf, held, pageOf, REFUND, test } from './world';

test('every decision opens the version that decided with its rule lit, after the policy has moved on', async ({
  page,
  context,
  request,
}) => {
  await act(context);
  // A policy of its own, so that calls that wait under another are left in peace.
  const base = `${house().control_url}/api/v1`;
  const live = (await (
    await request.get(`${base}/policies/support`, { headers: asking() })
  ).json()) as { version: { text: string } };
  const name = `moving-${process.pid}`;
  const made = await request.post(`${base}/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text: live.version.text },
  });
  expect(made.status()).toBe(201);
  const { label, token } = await grantOf(request, name);
  await callAs(request, house(), 'payments', token, 'refund_payment', {
    ...REFUND,
    currency: 'eur',
  });
  const listed = await request.get(`${base}/calls?grant=${label}&decision=denied&limit=1`, {
    headers: asking(),
  });
  const { items } = (await listed.json()) as {
    items: { id: string; rule: string; policy: { version: number } }[];
  };
  const denied = items[0];
  expect(denied?.rule).toMatch(/^\/tools\/refund_payment\/deny_if\//);
  expect(denied?.policy.version).toBe(1);
  // The policy moves on: every line of the document stands elsewhere now.
  const published = await request.post(`${base}/policies/${name}/versions`, {
    headers: asking(),
    data: { text: live.version.text.replace('{', '{\n\n\n'), note: 'moved' },
  });
  expect(published.status()).toBe(201);

  await page.goto(`${house().control_url}/logs/${denied?.id ?? ''}`);
  await page.getByRole('link', { name: denied?.rule ?? '' }).click();
  await expect(page).toHaveURL(new RegExp(`/policies/${name}/v/1\\?rule=`));
  const lit = page.locator('[data-lit="true"]');
  await expect(lit.first()).toBeVisible();
  expect((await lit.allTextContents()).join('\n')).toContain('currency');
});

test('by keyboard alone a grant is made, its token shown once, and the grant revoked', async ({
  page,
  context,
}) => {
  const name = `keyboard-${process.pid}`;
  await act(context);
  await page.goto(`${house().control_url}/grants`);
  const press = async (name: string) => {
    const button = page.getByRole('button', { name, exact: true });
    // Until the server has said who may, it is asleep.
    await expect(button).not.toHaveAttribute('aria-disabled', 'true');
    await button.focus();
    await page.keyboard.press('Enter');
  };
  await press('Create grant');
  await page.getByLabel('Name', { exact: false }).first().focus();
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  const token = page.locator('[data-token]');
  await expect(token).toContainText('csg1_');
  await expect(token).not.toContainText(/csg1_\w{12}/);
  await page.getByLabel('I have stored it').focus();
  await page.keyboard.press('Space');
  await press('Done');
  await expect(page.getByRole('heading', { name })).toBeVisible();
  await expect(page.locator('body')).not.toContainText(/csg1_\w{12}/);
  await press('Revoke now');
  await page.getByLabel(`Type ${name} to go on`).focus();
  await page.keyboard.type(name);
  await page.keyboard.press('Enter');
  await expect(
    page
      .getByText('This grant is revoked: nothing brings it back.')
      .filter({ visible: true })
      .first(),
  ).toBeVisible();
});

test('whoever comes second to a group is told so, and keeps what they typed', async ({
  page,
  context,
  request,
}) => {
  const groups = `${house().control_url}/api/v1/groups`;
  const name = `second-${process.pid}`;
  const made = await request.post(groups, { headers: asking(), data: { name, members: [] } });
  expect(made.status()).toBe(201);
  await act(context);
  await page.goto(`${house().control_url}/members?tab=groups`);
  await page.getByRole('button', { name: `Edit ${name}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(`${name}-mine`);
  const first = await request.put(`${groups}/${name}`, {
    headers: { ...asking(), 'if-match': '*' },
    data: { name: `${name}-theirs`, members: [] },
  });
  expect(first.status()).toBe(200);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('The object was changed meanwhile');
  await expect(dialog.getByLabel('Name')).toHaveValue(`${name}-mine`);

  // What they saved is laid beside it, and is written over on purpose alone.
  await dialog.getByRole('button', { name: 'Load theirs' }).click();
  const beside = dialog.getByRole('table', { name: 'Theirs' });
  await expect(beside.getByRole('row', { name: /Name/ })).toContainText(`${name}-theirs`);
  await expect(dialog.getByLabel('Name')).toHaveValue(`${name}-mine`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('button', { name: `Edit ${name}-mine` })).toBeVisible();
});

test('whoever comes second to an identity provider lays theirs beside what was typed, but no secret', async ({
  page,
  context,
  request,
}) => {
  const providers = `${house().control_url}/api/v1/identity-providers`;
  const slug = `second-${process.pid}`;
  const { url, end } = await issuer();
  const data = { slug, name: slug, issuer: url, client_id: 'one', enabled: false };
  const made = await request.post(providers, {
    headers: asking(),
    data: { ...data, client_secret: 'the-first-secret' },
  });
  expect(made.status(), await made.text()).toBe(201);
  await act(context);
  await page.goto(`${house().control_url}/settings`);
  await page.getByRole('button', { name: `Change ${slug}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Client id').fill('mine');
  await dialog.getByLabel('Client secret').fill('the-secret-i-typed');
  const first = await request.put(`${providers}/${slug}`, {
    headers: { ...asking(), 'if-match': '*' },
    data: { ...data, name: `${slug} theirs`, client_id: 'theirs', client_secret: 'of theirs' },
  });
  expect(first.status(), await first.text()).toBe(200);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('The object was changed meanwhile');

  await dialog.getByRole('button', { name: 'Load theirs' }).click();
  const beside = dialog.getByRole('table', { name: 'Theirs' });
  await expect(beside.getByRole('row', { name: /Client id/ })).toContainText('theirs');
  await expect(beside).not.toContainText(/secret/i);
  await expect(dialog.getByLabel('Client id')).toHaveValue('mine');
  await expect(dialog.getByLabel('Client secret')).toHaveValue('the-secret-i-typed');
  await expect(dialog.getByLabel('Name on the button', { exact: true })).toHaveValue(
    `${slug} theirs`,
  );
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toHaveCount(0);
  const now = (await (await request.get(`${providers}/${slug}`, { headers: asking() })).json()) as {
    client_id: string;
    name: string;
  };
  expect([now.client_id, now.name]).toEqual(['mine', `${slug} theirs`]);
  await request.delete(`${providers}/${slug}`, { headers: asking() });
  end();
});

test('a key over a dialog is a letter, and a token that nobody has stored is not left by one', async ({
  page,
  context,
}) => {
  const name = `kept-${process.pid}`;
  await act(context);
  await page.goto(`${house().control_url}/grants`);
  const create = page.getByRole('button', { name: 'Create grant', exact: true }).first();
  await expect(create).not.toHaveAttribute('aria-disabled', 'true');
  await create.click();
  const form = page.getByRole('dialog');
  // The focus on a button: what is pressed there is nobody's text, and still goes nowhere.
  await form.getByRole('button', { name: 'Close' }).focus();
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await page.keyboard.press('?');
  await expect(form).toHaveCount(1);
  await expect(page).toHaveURL(/\/grants#new$/);
  await form.getByLabel('Name', { exact: false }).first().fill(name);
  await page.keyboard.press('Enter');
  const token = page.locator('[data-token]');
  await expect(token).toContainText('csg1_');
  // The snippet hides it as well, until somebody asks for it.
  await expect(page.locator('body')).not.toContainText(/csg1_[\w-]{20}/);
  await page.getByRole('button', { name: 'Show the token' }).click();
  await expect(page.locator('pre').first()).toContainText(/csg1_[\w-]{20}/);
  await page.getByRole('button', { name: 'Hide the token' }).click();

  await page.keyboard.press('g');
  await page.keyboard.press('l');
  const ask = page.getByRole('dialog', { name: 'Leave without it?' });
  await ask.getByRole('button', { name: 'Cancel' }).click();
  await expect(token).toBeVisible();
  await page.getByLabel('I have stored it').check();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { level: 1 }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('heading', { name })).toBeVisible();
  await expect(ask).toHaveCount(0);
});

test('pausing that fails stays on the page until it is tried again', async ({
  page,
  context,
  request,
}) => {
  const { label } = await grantOf(request);
  await act(context);
  let down = true;
  await page.route('**/api/v1/grants/*/pause', (route) =>
    down
      ? route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          json: {
            ...{ type: 'urn:countersign:problem:unavailable', title: 'Not now', status: 503 },
            ...{ detail: 'the store does not answer', code: 'unavailable', request_id: 'req_7' },
          },
        })
      : route.continue(),
  );
  await page.goto(`${house().control_url}/grants/${label}`);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  const told = page.getByRole('main').getByRole('alert');
  await expect(told).toContainText('the store does not answer');
  await expect(told).toContainText('req_7');
  down = false;
  await told.getByRole('button', { name: 'Retry' }).click();
  await expect(page.getByRole('button', { name: 'Resume', exact: true })).toBeVisible();
  await expect(told).toHaveCount(0);
});

test('a stream that breaks, and one that is refused, says so, keeps its lines and comes back', async ({
  page,
  context,
  request,
}) => {
  await act(context);
  await call(request, 'support-agent', 'list_invoices', {});
  let asked = 0;
  let refused = false;
  await page.route('**/api/v1/calls/tail?*', (route) => {
    asked += 1;
    // Connected, and then the line breaks.
    if (asked === 1) {
      return route.fulfill({ contentType: 'text/event-stream', body: 'retry: 200\n: here\n\n' });
    }
    // The browser comes back by itself, is refused, and gives up for good.
    if (asked <= 3) {
      refused = true;
      return route.fulfill({ status: 401, json: { status: 401, code: 'unauthenticated' } });
    }
    return route.continue();
  });
  await page.goto(`${house().control_url}/logs`);
  const status = page.getByRole('status').filter({ hasText: 'reconnecting' });
  await expect(status).toContainText('Last update');
  await expect(page.getByRole('row', { name: /list_invoices/ }).first()).toBeVisible();
  await expect(page.getByText('● Live')).toBeVisible({ timeout: 40_000 });
  await expect.poll(() => asked).toBeGreaterThan(3);
  expect(refused).toBe(true);
  const { label, token } = await grantOf(request);
  await callAs(request, house(), 'payments', token, 'list_invoices', {});
  await expect(page.getByRole('row', { name: new RegExp(label) })).toBeVisible();
});

test('a slow server is waited for, and a failing one says so and loses nothing that was typed', async ({
  page,
  context,
}) => {
  await act(context);
  // Slow: grey lines after a moment, never a blank; the button waits for the server's word.
  let go = () => {};
  const slow = new Promise<void>((resolve) => (go = resolve));
  await page.route(/\/api\/v1\/servers(\?.*)?$/, async (route) => {
    await slow;
    await route.continue();
  });
  await page.goto(`${house().control_url}/servers`);
  const main = page.getByRole('main');
  await expect(main.locator('.mantine-Skeleton-root').first()).toBeVisible();
  await expect(main.getByRole('status', { name: 'Loading' }).first()).toBeVisible();
  go();
  await expect(page.getByRole('link', { name: 'Payments' }).first()).toBeVisible();
  await page.unroute(/\/api\/v1\/servers(\?.*)?$/);

  await page.getByRole('button', { name: 'Add server' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Short name').fill('typed');
  await dialog.getByLabel('Address of its MCP endpoint').fill('https://mcp.example/mcp');
  const send = dialog.getByRole('button', { name: 'Add server and look at it' });
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  await page.route('**/api/v1/servers', async (route) => {
    await ended;
    await route.abort();
  });
  await send.click();
  await expect(send).toHaveAttribute('data-loading', 'true');
  end();
  await expect(dialog.getByRole('alert')).toContainText('The server does not answer');
  await expect(dialog.getByLabel('Short name')).toHaveValue('typed');
  await expect(dialog.getByLabel('Address of its MCP endpoint')).toHaveValue(
    'https://mcp.example/mcp',
  );
});

test('approving is impossible for the grant’s owner and after the end', async ({
  browser,
  request,
}) => {
  const api = `${house().control_url}/api/v1`;
  const approve = (id: string, fingerprint: string) =>
    request.post(`${api}/approvals/${id}/approve`, {
      headers: asking(house().members.finance),
      data: { fingerprint },
    });
  // The grant is handed over to the very person who is asked.
  const owned = await held(request, { ...REFUND, amount: 906 });
  const handed = await request.put(`${api}/grants/${owned.grant.name}/owner`, {
    headers: { ...asking(), 'if-match': '*' },
    data: { owner: 'finance@demo.example' },
  });
  expect(handed.status(), await handed.text()).toBe(200);
  const page = await pageOf(browser, house().members.finance);
  await page.goto(`${house().control_url}/approvals/${owned.id}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('refund_payment');
  await expect(
    page
      .getByRole('status')
      .filter({ hasText: /your|own/i })
      .first(),
  ).toBeVisible();
  await expect(page.getByRole('button', { name: 'Approve…' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Open the arguments' })).toHaveCount(0);
  expect((await approve(owned.id, owned.fingerprint)).status()).toBeGreaterThanOrEqual(400);

  // One that waits for a moment, and nobody comes.
  const text = JSON.stringify({
    version: '1',
    default: 'deny',
    tools: {
      refund_payment: {
        approve_if: [{ conditions: [], approvers: ['group:finance'], expires_in: '15s' }],
      },
    },
  });
  const name = `brief-${process.pid}`;
  const made = await request.post(`${api}/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text },
  });
  expect(made.status(), await made.text()).toBe(201);
  const late = await held(request, { ...REFUND, amount: 907 }, name);
  await page.goto(`${house().control_url}/approvals/${late.id}`);
  await expect(page.getByRole('button', { name: 'Approve…' })).toHaveCount(0, { timeout: 60_000 });
  await expect(page.getByText(/ended|expired|Nobody/).first()).toBeVisible();
  expect((await approve(late.id, late.fingerprint)).status()).toBeGreaterThanOrEqual(400);
  await page.context().close();
});

/** How many calls come live. */
const LIVE = 300;

test('ten thousand lines of the log stay smooth, and more that come live', async ({
  page,
  context,
}) => {
  await act(context);
  const line = (index: number) => ({
    ...{ id: `call_${index}`, index, at: new Date(1.7e12 + index * 1000).toISOString() },
    ...{ count: 1, decision: index % 7 ? 'allowed' : 'denied', reason: '', charged: [] },
    // A rule is a link, which takes more work than a word.
    ...(index % 7 ? { rule: '' } : { rule: '/tools/refund_payment/deny_if/0' }),
    policy: { id: 'support', version: 1 },
    grant: { id: 'grt_1', name: 'agent' },
    server: { id: 'srv_1', name: 'payments' },
    ...{ identity: 'agent', method: 'tools/call', tool: `tool_${index}`, version: '2026-07-28' },
    ...{ known_args: [], unknown_args: 0, request_bytes: 1, token_generation: 1 },
  });
  await page.route(/\/api\/v1\/calls\?/, (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get('after') ?? 10_000);
    const items = Array.from({ length: Math.min(200, after) }, (_, at) => line(after - at));
    return route.fulfill({ json: { items, next: after > 200 ? String(after - 200) : null } });
  });
  // The stream is silent at first, and then brings three hundred calls one after another.
  let live = false;
  await page.route('**/api/v1/calls/tail?*', (route) => {
    const events = Array.from(
      { length: live ? LIVE : 0 },
      (_, at) => `event: call\ndata: ${JSON.stringify(line(10_001 + at))}\n\n`,
    );
    const body = `retry: 200\n\n${events.join('')}`;
    return route.fulfill({ contentType: 'text/event-stream', body });
  });
  await page.goto(`${house().control_url}/logs`);
  const list = page.getByRole('table', { name: 'Logs' });
  await expect(page.getByRole('button', { name: 'Follow live' }).or(list).first()).toBeVisible();
  // To the end of what is loaded, again and again, until all of it is.
  await expect
    .poll(
      async () => {
        await list.evaluate((node) => node.scrollTo(0, node.scrollHeight));
        return list.getAttribute('aria-rowcount');
      },
      { timeout: 200_000, intervals: [50] },
    )
    .toBe('10000');
  // Through all of it, a screen a frame. What counts is the work of the page's own thread, and not the
  // clock on the wall: a machine that does other things meanwhile makes that one run.
  const meter = await Meter.of(page);
  const through = async () => {
    const slowBefore = await meter.slowness();
    const before = await meter.worked();
    const frames = await list.evaluate(async (node) => {
      let count = 0;
      for (let top = node.scrollHeight; top > 0; top -= 3_000) {
        node.scrollTo(0, top);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        count += 1;
      }
      return count;
    });
    const worked = (await meter.worked()) - before;
    const slow = Math.min(slowBefore, await meter.slowness());
    const each = worked / frames / slow;
    console.log(
      `log: ${each.toFixed(1)} ms of work in each of ${frames} frames, ${slow.toFixed(1)} times slower here`,
    );
    expect(each).toBeGreaterThan(0);
    return each;
  };
  // The best of a few: whatever else the machine does can only add to it.
  let each = await through();
  for (let n = 0; n < 3 && each >= 50; n += 1) each = Math.min(each, await through());
  // A whole new screen of lines in every frame is more than any hand scrolls.
  expect(each).toBeLessThan(50);
  expect(await list.locator('[role="row"]').count()).toBeLessThan(120);
  // What comes live stands above all of them, each once however often the stream comes back.
  await list.evaluate((node) => node.scrollTo(0, 0));
  live = true;
  await expect(list).toHaveAttribute('aria-rowcount', String(10_000 + LIVE));
  await expect(
    list.getByRole('row', { name: new RegExp(`tool_${10_000 + LIVE}\\b`) }),
  ).toBeVisible();
  const after = await through();
  console.log(`log, with ${LIVE} that came live: ${after.toFixed(1)} ms`);
  expect(await list.getAttribute('aria-rowcount')).toBe(String(10_000 + LIVE));
  expect(await list.locator('[role="row"]').count()).toBeLessThan(120);
});
