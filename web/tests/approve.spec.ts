// A person signs a call off, on a phone and with care: done when 6 and 7, and the phone's part of 10.
import { expect, type Page } from '@playwright/test';
import { house } from './house';
import { act, asking, held, pageOf, REFUND, settled, test } from './world';
import {
  COUNTING_ROUND_MS,
  Meter,
  PHONE_BYTES_A_MS,
  PHONE_ROUND_MS,
  PHONE_SLOWER,
  Traffic,
} from './work';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** What it takes to open a page: rounds to the server, bytes, and milliseconds of the page's own work. */
interface Load {
  rounds: number;
  bytes: number;
  work: number;
}
const at = (id: string) => `${house().control_url}/approvals/${id}`;
const state = async (page: Page, id: string) => {
  const answer = await page.request.get(`${house().control_url}/api/v1/approvals/${id}`, {
    headers: asking(house().members.finance),
  });
  return ((await answer.json()) as { state: string }).state;
};

test('a finance person on a phone knows exactly what they sign, and signs it once', async ({
  browser,
  request,
}) => {
  const waiting = await held(request, {
    ...REFUND,
    amount: 901,
    reason: 'Order 4471 \u202edamaged',
  });
  const page = await pageOf(browser, house().members.finance, PHONE);
  await page.goto(at(waiting.id));
  await expect(page.getByRole('heading', { level: 1 })).toContainText('refund_payment');
  // Following the link decided nothing and showed nothing.
  expect(await state(page, waiting.id)).toBe('pending');
  await expect(page.locator('body')).not.toContainText('901');
  const approve = page.getByRole('button', { name: 'Approve…' });
  await expect(approve).toHaveAttribute('aria-disabled', 'true');
  await page.getByRole('button', { name: 'Open the arguments' }).click();

  const exactly = page.getByRole('region', { name: 'Exactly what will be sent' });
  // The rule's fields come first, in its order; nothing hides, nothing steers.
  const names = await exactly.locator('dt').allTextContents();
  expect(names[0]).toBe('amount');
  expect([...names].sort()).toEqual(['amount', 'currency', 'payment', 'reason']);
  await expect(exactly).toContainText('901');
  await expect(exactly).toContainText('unit not declared');
  await expect(exactly.locator('mark')).toHaveText('\\u{202e}');
  await expect(exactly).toContainText('written by the agent');
  await expect(exactly).toContainText(
    `${waiting.fingerprint.slice(0, 4)}·${waiting.fingerprint.slice(-4)}`,
  );
  await expect(
    page.getByRole('region', { name: 'What this would bring each limit to' }),
  ).toContainText(/refund-value: [\d,.]+ → [\d,.]+ of 5,000/);
  await expect(page.getByText(/left$/).first()).toBeVisible();
  // The heading is made from what the rule names, and never from prose.
  await expect(page.getByRole('heading', { level: 1 })).not.toContainText('damaged');

  // Nor is any of it bold: it is the agent's word and nobody's fact.
  const weights = await exactly
    .locator('.cs-prose, .cs-prose *')
    .evaluateAll((nodes) => nodes.map((node) => Number(getComputedStyle(node).fontWeight)));
  expect(weights.length).toBeGreaterThan(1);
  expect(Math.max(...weights)).toBeLessThan(600);

  // Both buttons are of one size, in reach, and as large as a thumb.
  const [no, yes] = [
    await page.getByRole('button', { name: 'Deny', exact: true }).boundingBox(),
    await approve.boundingBox(),
  ];
  expect(no?.height).toBeGreaterThanOrEqual(44);
  expect([yes?.width, yes?.height]).toEqual([no?.width, no?.height]);
  expect((yes?.y ?? 0) + (yes?.height ?? 0)).toBeLessThanOrEqual(844);

  await expect(approve).not.toHaveAttribute('aria-disabled', 'true');
  await page.getByLabel('Note (optional)').fill('Photos seen');
  await approve.click();
  const sheet = page.getByRole('dialog');
  await expect(sheet).toContainText('Approve this one call?');
  await expect(sheet).toContainText('901');
  // As high as what it says, with the call in sight behind it; and no word of the agent's in it.
  const high = (await sheet.boundingBox())?.height ?? 0;
  expect(high).toBeGreaterThan(100);
  expect(high).toBeLessThan(844 * 0.7);
  await expect(sheet).not.toContainText('damaged');
  await sheet.getByRole('button', { name: 'Approve once' }).click();
  await expect(page.getByText('Approved. The agent can make this call once')).toBeVisible();
  await expect(page.locator('body')).not.toContainText('901');
  expect(await state(page, waiting.id)).toBe('approved');
  const opened = await request.get(`${house().control_url}/api/v1/audit?event=approval.*`, {
    headers: asking(),
  });
  const events = ((await opened.json()) as { items: { event: string; subject: string }[] }).items
    .filter((line) => line.subject === waiting.id)
    .map((line) => line.event);
  expect(events.filter((event) => event === 'approval.opened')).toHaveLength(1);
  await page.context().close();
});

test('approving is impossible while a long value is folded, and twice, and with another fingerprint', async ({
  browser,
  request,
}) => {
  const waiting = await held(request, {
    ...REFUND,
    amount: 902,
    reason: 'It broke again. '.repeat(60),
  });
  const page = await pageOf(browser, house().members.finance, PHONE);
  await page.goto(at(waiting.id));
  await page.getByRole('button', { name: 'Open the arguments' }).click();
  const approve = page.getByRole('button', { name: 'Approve…' });
  await expect(page.getByText('960 characters')).toBeVisible();
  await page.waitForTimeout(1_200);
  await expect(approve).toHaveAttribute('aria-disabled', 'true');
  await expect(page.getByText('Read the long values first.')).toBeVisible();
  await page.getByRole('button', { name: 'Show all of reason' }).click();
  await expect(approve).not.toHaveAttribute('aria-disabled', 'true');

  // What is sent is what was shown: another fingerprint is refused.
  const say = (path: string, fingerprint: string) =>
    request.post(`${house().control_url}/api/v1/approvals/${waiting.id}/${path}`, {
      headers: asking(house().members.finance),
      data: { fingerprint },
    });
  const other = waiting.fingerprint.replace(/^./, (c) => (c === '0' ? '1' : '0'));
  expect((await say('approve', other)).status()).toBeGreaterThanOrEqual(400);
  // A link, an embedded picture, a prefetch: reading decides nothing.
  const read = await request.get(`${house().control_url}/api/v1/approvals/${waiting.id}/approve`, {
    headers: asking(house().members.finance),
  });
  expect(read.status()).toBe(405);
  expect(await state(page, waiting.id)).toBe('pending');

  // Somebody decides elsewhere: the page says so, and its buttons are gone.
  expect((await say('deny', waiting.fingerprint)).status()).toBe(200);
  await expect(
    page.getByText('Denied. The agent is told, and the arguments are erased.'),
  ).toBeVisible();
  await expect(approve).toHaveCount(0);
  await expect(page.locator('body')).not.toContainText('It broke again');
  expect((await say('approve', waiting.fingerprint)).status()).toBeGreaterThanOrEqual(400);

  // Once approved, another yes is no second call.
  const twice = await held(request, { ...REFUND, amount: 908 });
  const yes = () =>
    request.post(`${house().control_url}/api/v1/approvals/${twice.id}/approve`, {
      headers: asking(house().members.finance),
      data: { fingerprint: twice.fingerprint },
    });
  expect((await yes()).status()).toBe(200);
  expect((await yes()).status()).toBeGreaterThanOrEqual(400);
  expect(await state(page, twice.id)).toBe('approved');
  await page.context().close();
});

test('whoever was about to decide is told that it has ended, and what they typed', async ({
  browser,
  request,
}) => {
  const approvals = `${house().control_url}/api/v1/approvals`;
  const finance = { headers: asking(house().members.finance) };
  for (const [end, told] of [
    ['approve', /^\S.* approved this a moment ago\. Your word was not taken\.$/],
    ['withdraw', /^It ended a moment ago\. Your word was not taken\.$/],
  ] as const) {
    const waiting = await held(request, { ...REFUND, amount: 905 });
    const page = await pageOf(browser, house().members.finance, PHONE);
    await page.goto(at(waiting.id));
    const deny = page.getByRole('button', { name: 'Deny', exact: true });
    await expect(deny).not.toHaveAttribute('aria-disabled', 'true');
    await page.getByLabel('Note (optional)').fill('Ask the shop first');
    await deny.click();
    await expect(page.getByRole('dialog')).toContainText('Deny this one call?');
    const ended = await request.post(`${approvals}/${waiting.id}/${end}`, {
      ...(end === 'approve' ? finance : { headers: asking() }),
      data: end === 'approve' ? { fingerprint: waiting.fingerprint } : { reason: 'not needed' },
    });
    expect(ended.status(), await ended.text()).toBe(200);
    const late = page.getByRole('alert');
    await expect(late.getByText(told)).toBeVisible();
    await expect(late).toContainText('Your note was not kept: “Ask the shop first”');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await late.getByRole('button', { name: 'I have seen it' }).click();
    await expect(late).toHaveCount(0);
    await page.context().close();
  }
});

test('names of arguments that look the same, and what a policy says with unseen text, are told apart', async ({
  browser,
  request,
}) => {
  const base = `${house().control_url}/api/v1`;
  const name = `names-${process.pid}`;
  const rule = {
    conditions: [{ path: 'args.amount', op: 'gt', value: 500 }],
    approvers: ['group:finance'],
  };
  const policy = {
    version: '1',
    default: 'deny',
    tools: {
      refund_payment: {
        unlisted_args: 'allow',
        approve_if: [{ ...rule, message: 'Look \u202ehere <b>' }],
      },
    },
  };
  const made = await request.post(`${base}/policies`, {
    headers: asking(),
    data: { name, server: 'payments', text: JSON.stringify(policy) },
  });
  expect(made.status(), await made.text()).toBe(201);
  const more = { 'amount ': 51, '\u0430mount': 61, größe: 'p\u0430ypal.com' };
  const waiting = await held(request, { ...REFUND, amount: 906, ...more }, name);
  const page = await pageOf(browser, house().members.finance, PHONE);
  await page.goto(at(waiting.id));
  await page.getByRole('button', { name: 'Open the arguments' }).click();
  const exactly = page.getByRole('region', { name: 'Exactly what will be sent' });
  await expect(exactly).toContainText('906');
  const names = (await exactly.locator('dt').allTextContents()).map((text) => text.trim());
  expect(names).toContain('amount\\u{0020}');
  expect(names).toContain('\\u{0430}mount');
  expect(names).toContain('gr\\u{00f6}\\u{00df}e (reads “größe”)');
  await expect(exactly).toContainText('p\\u{0430}ypal.com');
  await expect(page.getByRole('region', { name: 'Why you' })).toContainText(
    'Look \\u{202e}here <b>',
  );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBeLessThanOrEqual(PHONE.viewport.width);
  await page.context().close();
});

test('whoever is not asked sees why, and no value anywhere', async ({ browser, request }) => {
  const canary = 'canary-3f9a1c';
  const waiting = await held(request, { ...REFUND, amount: 903, reason: `Look: ${canary}` });
  for (const key of [house().members.viewer, house().members.admin, house().api_key]) {
    const page = await pageOf(browser, key);
    const bodies: string[] = [];
    page.on('response', (response) => {
      if (!response.url().includes('/api/')) return;
      response.text().then(
        (text) => bodies.push(text),
        () => undefined,
      );
    });
    const said: string[] = [];
    page.on('console', (entry) => said.push(entry.text()));
    for (const path of [`/approvals/${waiting.id}`, '/approvals?which=others', '/logs', '/']) {
      await page.goto(house().control_url + path);
      await settled(page);
      await expect(page.getByRole('button', { name: 'Open the arguments' })).toHaveCount(0);
      bodies.push(await page.content(), page.url(), await page.title());
    }
    const stored = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    );
    expect([...bodies, ...said, stored].filter((text) => text.includes(canary))).toEqual([]);
    // A token of a grant and a key of the API never come back either.
    const secrets = [...Object.values(house().grants), ...Object.values(house().members)];
    expect(bodies.filter((text) => secrets.some((secret) => text.includes(secret)))).toEqual([]);
    await page.context().close();
  }
  // For the one who is asked: on the open page, and nowhere else.
  const page = await pageOf(browser, house().members.finance);
  await page.goto(at(waiting.id));
  await page.getByRole('button', { name: 'Open the arguments' }).click();
  await expect(page.getByText(canary)).toBeVisible();
  expect(await page.title()).not.toContain(canary);
  expect(page.url()).not.toContain(canary);
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
  );
  expect(stored).not.toContain(canary);
  await page.context().close();
});

test('a call is approved by keyboard alone', async ({ page, context, request }) => {
  const waiting = await held(request, { ...REFUND, amount: 904 });
  await act(context, house().members.finance);
  await page.goto(at(waiting.id));
  const press = async (name: string) => {
    const button = page.getByRole('button', { name, exact: true });
    await expect(button).not.toHaveAttribute('aria-disabled', 'true');
    for (let steps = 0; steps < 80; steps += 1) {
      if (await button.evaluate((node) => node === document.activeElement)) break;
      await page.keyboard.press('Tab');
    }
    await expect(button).toBeFocused();
    await page.keyboard.press('Enter');
  };
  await press('Open the arguments');
  await expect(page.getByText('904').first()).toBeVisible();
  await press('Approve…');
  await press('Approve once');
  await expect(page.getByText('Approved. The agent can make this call once')).toBeVisible();
});

test('a slow phone opens an approval within three seconds, and warm within one and a fifth', async ({
  browser,
  request,
}) => {
  const waiting = await held(request, { ...REFUND, amount: 905 });
  /** Opens it in a new browser and then again: how much that is until the page says what it is about. */
  const open = async (latency: number, times: number) => {
    const page = await pageOf(browser, house().members.finance, PHONE);
    const traffic = await Traffic.of(page, latency);
    const meter = await Meter.of(page);
    const loads: Load[] = [];
    for (let time = 0; time < times; time += 1) {
      const slowBefore = await meter.slowness();
      traffic.clear();
      const before = await meter.worked();
      await page.goto(at(waiting.id), { waitUntil: 'commit' });
      await page.getByRole('button', { name: 'Open the arguments' }).waitFor();
      const { bytes, rounds } = traffic.sum();
      // A page in a process of its own begins to count anew.
      const after = await meter.worked();
      const slow = Math.min(slowBefore, await meter.slowness());
      loads.push({ rounds, bytes, work: (after < before ? after : after - before) / slow });
    }
    await page.context().close();
    return loads;
  };
  /** Milliseconds on the phone of the profile. */
  const waits = ({ rounds, bytes }: Load) => rounds * PHONE_ROUND_MS + bytes / PHONE_BYTES_A_MS;
  const took = (load: Load) => waits(load) + load.work * PHONE_SLOWER;

  const keep = (least: Load, load: Load) => {
    if (waits(load) < waits(least))
      Object.assign(least, { rounds: load.rounds, bytes: load.bytes });
    least.work = Math.min(least.work, load.work);
  };
  // Of waits and of work the least of several counts: whatever else the machine does can only add to them.
  const cold = { rounds: Infinity, bytes: Infinity, work: Infinity };
  const warm = { ...cold };
  for (let n = 0; n < 10 && (took(cold) >= 3_000 || took(warm) >= 1_200); n += 1) {
    const [first, ...again] = await open(n % 2 ? PHONE_ROUND_MS : COUNTING_ROUND_MS, 4);
    // A new browser has to connect first.
    if (first) keep(cold, { ...first, rounds: first.rounds + 1 });
    for (const load of again) keep(warm, load);
  }
  for (const [what, load] of Object.entries({ cold, warm })) {
    const { rounds, bytes, work } = load;
    console.log(
      `phone, ${what}: ${took(load).toFixed(0)} ms: ${rounds} rounds, ${bytes} bytes, ${work.toFixed(0)} ms of work`,
    );
    expect(work).toBeGreaterThan(0);
  }
  expect(took(cold)).toBeLessThan(3_000);
  expect(took(warm)).toBeLessThan(1_200);
});
