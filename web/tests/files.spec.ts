// A policy that is kept in files: looked at here, changed there, and taken over only on purpose.
import { type APIRequestContext, expect, type Page, test } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, asking, callAs, REFUND } from './world';

const api = () => `${house().control_url}/api/v1`;
const PLACE = 'acme/policies';
const SENTENCE = `This policy is kept in files: ${PLACE}. Change it there and run countersign apply.`;

const document = (most: number) =>
  `${JSON.stringify(
    {
      version: '1',
      default: 'deny',
      tools: {
        list_invoices: {},
        refund_payment: {
          deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: most }] }],
        },
      },
    },
    null,
    2,
  )}\n`;

const CASES = [{ call: { tool: 'list_invoices', arguments: {} }, expect: { outcome: 'allow' } }];

/** Publishes as `countersign apply` does. */
async function apply(request: APIRequestContext, name: string, most: number) {
  const from = { text: document(most), cases: CASES, kept_in: PLACE };
  const known = await request.get(`${api()}/policies/${name}`, { headers: asking() });
  const answer = await request.post(
    known.ok() ? `${api()}/policies/${name}/versions` : `${api()}/policies`,
    { headers: asking(), data: known.ok() ? from : { ...from, name, server: 'payments' } },
  );
  expect(answer.status(), await answer.text()).toBe(201);
}

const open = (page: Page, name: string, tab: string) =>
  page.goto(`${house().control_url}/policies/${name}/${tab}`);

/** A button that sleeps, and says where the policy is. */
async function asleep(page: Page, name: string) {
  const button = page.getByRole('button', { name, exact: true });
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await expect(button).toHaveAccessibleDescription(SENTENCE);
}

test('a policy kept in files is shown, says where it is changed, and lets nobody edit it', async ({
  page,
  context,
  request,
}) => {
  await apply(request, 'in-files', 1000);
  await apply(request, 'in-files', 900);
  await act(context);
  await page.goto(`${house().control_url}/policies`);
  const row = page.getByRole('row', { name: /^in-files kept/ });
  await expect(row).toContainText(`kept in files: ${PLACE}`);
  await row.getByRole('link', { name: 'in-files' }).click();

  await expect(page.getByRole('note')).toContainText(SENTENCE);
  expect(await faults(page, 'a policy kept in files')).toEqual([]);
  for (const name of ['Discard draft', 'Review and publish']) await asleep(page, name);
  await page.getByRole('button', { name: /^refund_payment/ }).click();
  await expect(page.getByText(/amount is over 900/).first()).toBeVisible();
  for (const name of ['+ Deny rule', '+ Requirement', '+ Limit', '+ Sign-off'])
    await expect(page.getByRole('button', { name })).toHaveCount(0);
  await page.getByRole('button', { name: /amount is over 900/ }).click();
  await expect(page.getByRole('textbox', { name: 'Value', exact: true })).not.toBeEditable();

  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByRole('note')).toContainText(SENTENCE);
  const editor = page.getByLabel('The policy as JSON');
  await expect(editor).toHaveAttribute('aria-readonly', 'true');
  await page.getByRole('tab', { name: /^Tests/ }).click();
  await expect(page.getByRole('note')).toContainText(SENTENCE);
  await expect(page.getByLabel('Test cases as JSON')).toHaveAttribute('aria-readonly', 'true');
  await page.getByRole('button', { name: 'Run tests' }).click();
  await expect(page.getByText('1 of 1 pass')).toBeVisible();
  await page.getByRole('button', { name: 'Look for gaps' }).click();
  await expect(page.getByText(/rules exercised/)).toBeVisible();
  await expect(page.getByRole('button', { name: /^Add / })).toHaveCount(0);
  await page.getByRole('tab', { name: 'History' }).click();
  await asleep(page, 'Restore v1');

  // The next apply is seen without a reload of anything but the data.
  await apply(request, 'in-files', 800);
  await open(page, 'in-files', 'json');
  await expect(editor).toContainText('800');
});

test('a call of the log leads to the sentence and not to a save that fails', async ({
  page,
  context,
  request,
}) => {
  await apply(request, 'in-files-log', 1000);
  const grant = await request.post(`${api()}/grants`, {
    headers: asking(),
    data: { label: 'in-files-log', servers: [{ server: 'payments', policy: 'in-files-log' }] },
  });
  const { token } = (await grant.json()) as { token: string };
  await callAs(request, house(), 'payments', token, 'refund_payment', { ...REFUND, amount: 2000 });
  const calls = await request.get(`${api()}/calls?grant=in-files-log&limit=1`, {
    headers: asking(),
  });
  const { items } = (await calls.json()) as { items: { id: string }[] };
  await act(context);
  await page.goto(`${house().control_url}/logs/${items[0]?.id ?? ''}`);
  await page.getByRole('button', { name: 'Make a test from this' }).click();
  const made = page.getByRole('region', { name: 'A test from a call' });
  await expect(made).toContainText(
    `${SENTENCE} Its tests are kept beside it: write this one there.`,
  );
  await expect(made.getByRole('textbox')).toHaveCount(0);
});

test('whoever takes a policy over is asked once, and edits it from then on', async ({
  page,
  context,
  request,
}) => {
  await apply(request, 'taken-over', 1000);
  await act(context);
  await open(page, 'taken-over', 'build');
  await page.getByRole('button', { name: 'Edit here from now on…' }).click();
  const asked = page.getByRole('dialog', { name: 'Edit taken-over here?' });
  await expect(asked).toContainText('overwrites what was changed here');
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('note')).toContainText(SENTENCE);
  await page.getByRole('button', { name: 'Edit here from now on…' }).click();
  await asked.getByRole('button', { name: 'Edit here from now on' }).click();
  await expect(page.getByRole('note')).toHaveCount(0);

  await page.getByRole('button', { name: /^Document/ }).click();
  await page.getByLabel('Description').fill('in an emergency');
  await expect(page.getByText(/· kept by/)).toBeVisible();
  // The next apply takes it back while somebody types: what they typed stays in their browser.
  await apply(request, 'taken-over', 1000);
  await page.getByLabel('Description').fill('in an emergency, and more');
  await expect(page.getByRole('note')).toContainText(SENTENCE);
  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByLabel('The policy as JSON')).toContainText('refund_payment');
  await expect(page.getByLabel('The policy as JSON')).not.toContainText('emergency');
  const kept = await request.get(`${api()}/policies/taken-over`, { headers: asking() });
  expect(((await kept.json()) as { version: { text: string } }).version.text).toBe(document(1000));
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).toContain(
    'in an emergency, and more',
  );
});
