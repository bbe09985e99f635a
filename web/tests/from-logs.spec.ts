// A line of the log leads on: to a test of the policy, and to what a newer text would say of the call.
import { type APIRequestContext, expect, test } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, asking, callAs, REFUND } from './world';

const api = () => `${house().control_url}/api/v1`;

const document = (most: number, reads = true) =>
  JSON.stringify({
    version: '1',
    default: 'deny',
    tools: {
      ...(reads ? { list_invoices: {} } : {}),
      refund_payment: {
        deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: most }] }],
      },
    },
  });

async function sent<T>(
  request: APIRequestContext,
  method: 'POST' | 'PUT',
  path: string,
  data: unknown,
  headers = {},
): Promise<T> {
  const answer = await request.fetch(api() + path, {
    method,
    headers: { ...asking(), ...headers },
    data,
  });
  expect(answer.ok(), await answer.text()).toBe(true);
  return (await answer.json()) as T;
}

/** A policy and a grant of a test's own, and what makes calls with it; answers with the call's id. */
async function begin(request: APIRequestContext, name: string) {
  await sent(request, 'POST', '/policies', { name, server: 'payments', text: document(1000) });
  const { token } = await sent<{ token: string }>(request, 'POST', '/grants', {
    label: name,
    servers: [{ server: 'payments', policy: name }],
  });
  return async (tool: string, args: unknown): Promise<string> => {
    await callAs(request, house(), 'payments', token, tool, args);
    const calls = await request.get(`${api()}/calls?grant=${name}&limit=1`, { headers: asking() });
    const { items } = (await calls.json()) as { items: { id: string }[] };
    return items[0]?.id ?? '';
  };
}

test('a line of the log becomes a test of the policy, which passes', async ({
  page,
  context,
  request,
}) => {
  const calls = await begin(request, 'to-a-test');
  const id = await calls('refund_payment', { ...REFUND, amount: 2000 });
  await act(context);
  await page.goto(`${house().control_url}/logs/${id}`);
  await page.getByRole('button', { name: 'Make a test from this' }).click();
  await expect(page).toHaveURL(new RegExp(`/policies/to-a-test/tests\\?call=${id}`));
  const made = page.getByRole('region', { name: 'A test from a call' });
  await expect(made.getByLabel('Expected decision')).toHaveValue('deny');
  await expect(made.getByLabel('Expected rule')).toHaveValue(
    '/tools/refund_payment/deny_if/args.amount-gt',
  );
  expect(await faults(page, 'a test from a call')).toEqual([]);
  const add = made.getByRole('button', { name: 'Add this test' });
  await expect(add).toHaveAttribute('aria-disabled', 'true');
  await made.getByLabel('amount').fill('2000.50');
  await made.getByLabel('payment').fill('pi_1');
  await made.getByLabel('currency').selectOption('usd');
  await made.getByLabel('reason').fill('Broken "twice"');
  await add.click();
  await expect(made).toHaveCount(0);
  await expect(page.getByLabel('Test cases as JSON')).toContainText('2000.50');
  await page.getByRole('button', { name: 'Run tests' }).click();
  await expect(page.getByText('1 of 1 pass')).toBeVisible();
  // A call that another policy judged is none of this one.
  await page.goto(`${house().control_url}/policies/support/tests?call=${id}`);
  await expect(page.getByText('This call was not judged by this policy.')).toBeVisible();
});

test('a newer version or a draft says of one call the same, otherwise, or that it is not known', async ({
  page,
  context,
  request,
}) => {
  const calls = await begin(request, 'judged-again');
  const read = await calls('list_invoices', {});
  const small = await calls('refund_payment', REFUND);
  const large = await calls('refund_payment', { ...REFUND, amount: 2000 });
  await act(context);
  const open = (id: string) => page.goto(`${house().control_url}/logs/${id}`);
  await open(large);
  await expect(page.getByRole('button', { name: 'Would v1 decide the same?' })).toHaveAttribute(
    'aria-disabled',
    'true',
  );
  await sent(request, 'POST', '/policies/judged-again/versions', { text: document(400, false) });
  const detail = page.getByRole('region', { name: 'Call', exact: true });
  for (const [id, said] of [
    [large, 'v2 decides the same, by the same rule.'],
    [read, /v2 decides otherwise:\s*Denied/],
    [small, 'Not known: it depends on values, and values are not kept.'],
  ] as const) {
    await open(id);
    await page.getByRole('button', { name: 'Would v2 decide the same?' }).click();
    await expect(detail).toContainText(said);
  }
  expect(await faults(page, 'a call judged again')).toEqual([]);
  await sent(
    request,
    'PUT',
    '/policies/judged-again/draft',
    { text: document(1000), cases: [] },
    {
      'if-none-match': '*',
    },
  );
  await open(read);
  await page.getByRole('button', { name: 'Would the draft of v3 decide the same?' }).click();
  await expect(detail).toContainText('The draft of v3 decides the same, by the same rule.');
});
