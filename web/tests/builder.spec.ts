// Nothing the language can say is for the JSON view alone: each feature is made in Build, by its words.
import { expect, type Locator, type Page } from '@playwright/test';
import { house } from './house';
import { act, asking, test } from './world';

const api = () => `${house().control_url}/api/v1`;

async function blank(page: Page, name: string): Promise<void> {
  const made = await page.request.post(`${api()}/policies`, {
    headers: asking(),
    data: { name, server: 'payments' },
  });
  expect(made.status(), await made.text()).toBe(201);
  await page.goto(`${house().control_url}/policies/${name}/build`);
}

/** The document as the server keeps it. */
async function kept(page: Page, name: string): Promise<unknown> {
  await expect(page.getByText(/· kept by/)).toBeVisible();
  const draft = await page.request.get(`${api()}/policies/${name}/draft`, { headers: asking() });
  const { text } = (await draft.json()) as { text: string };
  return JSON.parse(text);
}

const part = (page: Page, name: string | RegExp) =>
  page.getByRole('navigation', { name: 'Tools' }).getByRole('button', { name }).click();

/** Fills in a comparison. */
async function compare(
  at: Locator,
  place: string,
  op: string,
  value?: string,
  type?: string,
): Promise<void> {
  const places = at.getByLabel('Place', { exact: true });
  const known = await places
    .locator('option')
    .evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
  if (known.includes(place)) await places.selectOption(place);
  else {
    await places.selectOption({ label: 'other place' });
    await at.getByRole('textbox', { name: 'other place' }).fill(place);
  }
  await at.getByLabel('Comparison').selectOption({ label: op });
  if (type) await at.getByLabel('Type of the value').selectOption({ label: type });
  if (value === undefined) return;
  // A field that lists its values is chosen from, any other is typed.
  const named = { name: 'Value', exact: true };
  const choice = at.getByRole('combobox', named);
  await choice.or(at.getByRole('textbox', named)).waitFor();
  if (await choice.isVisible()) await choice.selectOption(value);
  else await at.getByRole('textbox', named).fill(value);
}

const first = (within: Locator | Page, n = 1) =>
  within.getByRole('group', { name: `Condition ${n}`, exact: true }).first();

test('rules of every kind, with groups inside groups, are made in Build', async ({
  page,
  context,
}) => {
  await act(context);
  await blank(page, 'all-rules');
  await part(page, /^refund_payment/);
  await page.getByText('Custom', { exact: true }).click();

  const deny = page.getByRole('region', { name: 'Denied when' });
  await deny.getByRole('button', { name: '+ Deny rule' }).click();
  await deny.getByRole('button', { name: '+ Any of' }).click();
  const any = deny.getByRole('group', { name: 'Condition 1: Any of' });
  await any.getByRole('button', { name: '+ Condition' }).click();
  await compare(first(any), 'args.currency', 'is not', 'usd');
  await any.getByRole('button', { name: '+ Not' }).click();
  const not = any.getByRole('group', { name: 'Condition 2: Not' });
  await compare(first(not), 'args.amount', 'is there');
  await any.getByRole('button', { name: '+ All of' }).last().click();
  const all = any.getByRole('group', { name: 'Condition 3: All of' });
  await all
    .getByRole('button', { name: 'Open this group' })
    .or(all.getByRole('button', { name: '+ Condition' }))
    .first()
    .click();
  if (await all.getByRole('button', { name: 'Back' }).isVisible()) {
    await all.getByRole('button', { name: '+ Condition' }).click();
  }
  await compare(first(all), 'args.items[*].amount', 'is over', '7', 'number');
  await first(all).getByLabel('Over a list').selectOption({ label: 'every element' });
  await deny.getByLabel('What the agent is told').fill('No.');
  await deny.getByLabel('Name').fill('nested');
  await deny.getByRole('button', { name: /^Done/ }).click();

  const requires = page.getByRole('region', { name: 'Allowed only if' });
  await requires.getByRole('button', { name: '+ Requirement' }).click();
  await requires.getByRole('button', { name: '+ Condition' }).click();
  await compare(first(requires), 'args.amount', 'is at most');
  await first(requires).getByLabel('Compared with').selectOption({ label: 'another place' });
  await first(requires).getByRole('textbox', { name: 'another place' }).fill('args.most');
  await requires.getByRole('button', { name: 'Only when present' }).click();
  await requires.getByRole('button', { name: /^Done/ }).click();

  const person = page.getByRole('region', { name: 'A person signs off when' });
  await person.getByRole('button', { name: '+ Sign-off' }).click();
  await person.getByRole('button', { name: '+ Condition' }).click();
  await compare(first(person), 'request.weekday', 'is one of');
  await first(person).getByLabel('Values').fill('sat\nsun');
  await person.getByLabel('Who may sign off').fill('group:finance\nmember:a@example.org');
  await person.getByLabel('How many people').fill('2');
  await person.getByLabel('How long the call waits').fill('30m');
  await person.getByLabel('What the approver is told').fill('Look twice.');

  const limits = page.getByRole('region', { name: 'Limits' });
  await limits.getByRole('button', { name: '+ Limit' }).click();
  await limits.getByLabel('Counter').fill('value');
  await limits.getByRole('textbox', { name: 'Window', exact: true }).fill('6h');
  await limits.getByLabel('Most in one window').fill('5000.000001');
  await limits.getByLabel('Counts', { exact: true }).selectOption('args.amount');
  await limits.getByLabel('Split by').fill('args.currency\nargs.payment');
  await limits.getByLabel('Counted together for').selectOption({ label: 'each identity' });
  await limits.getByLabel('When the outcome is not known').selectOption({ label: 'keep' });
  await limits.getByRole('switch', { name: 'Count calls that the tool answers' }).click();
  await limits.getByLabel('What the agent is told when it is full').fill('Used up.');
  await page.getByLabel('Arguments that the tool does not list').selectOption({ label: 'allowed' });

  expect(await kept(page, 'all-rules')).toEqual({
    version: '1',
    default: 'deny',
    tools: {
      refund_payment: {
        deny_if: [
          {
            conditions: [
              {
                any: [
                  { path: 'args.currency', op: 'neq', value: 'usd' },
                  { not: { path: 'args.amount', op: 'exists', value: true } },
                  { all: [{ path: 'args.items[*].amount', op: 'gt', value: 7, each: 'all' }] },
                ],
              },
            ],
            on_deny: 'No.',
            id: 'nested',
          },
        ],
        require: [
          {
            conditions: [
              { path: 'args.amount', op: 'exists', value: true },
              { path: 'args.amount', op: 'lte', value: { path: 'args.most' } },
            ],
          },
        ],
        approve_if: [
          {
            conditions: [{ path: 'request.weekday', op: 'in', value: ['sat', 'sun'] }],
            approvers: ['group:finance', 'member:a@example.org'],
            count: 2,
            expires_in: '30m',
            message: 'Look twice.',
          },
        ],
        limits: [
          {
            counter: 'value',
            window: '6h',
            max: 5000.000001,
            amount: 'args.amount',
            per: ['args.currency', 'args.payment'],
            scope: 'identity',
            on_unknown: 'keep',
            count_failed: true,
            on_deny: 'Used up.',
          },
        ],
        unlisted_args: 'allow',
      },
    },
  });
});

test('every operator is made in Build, with a value of the kind it takes', async ({
  page,
  context,
}) => {
  await act(context);
  await blank(page, 'all-operators');
  await part(page, /^Every tool/);
  const deny = page.getByRole('region', { name: 'Denied when' });
  await deny.getByRole('button', { name: '+ Deny rule' }).click();
  await deny.getByRole('button', { name: '+ Condition' }).click();
  const one = first(deny);
  await one.getByLabel('Place', { exact: true }).selectOption({ label: 'other place' });
  await one.getByRole('textbox', { name: 'other place' }).fill('args.x');
  const made: unknown[] = [];
  const operators = await one.getByLabel('Comparison').locator('option').allTextContents();
  expect(operators).toHaveLength(20);
  for (const label of operators) {
    await one.getByLabel('Comparison').selectOption({ label });
    const draft = await kept(page, 'all-operators');
    const { conditions } = (draft as { all_tools: { deny_if: { conditions: unknown[] }[] } })
      .all_tools.deny_if[0] as { conditions: unknown[] };
    made.push(conditions[0]);
    const checked = await page.request.post(`${api()}/policies/check`, {
      headers: asking(),
      data: { text: JSON.stringify(draft) },
    });
    const { problems } = (await checked.json()) as { problems: { message: string }[] };
    expect(problems, label).toEqual([]);
  }
  expect(new Set(made.map((condition) => (condition as { op: string }).op)).size).toBe(20);
});

test('the document, its lists and its patterns are made in Build', async ({ page, context }) => {
  await act(context);
  await blank(page, 'all-document');
  await part(page, /^Document/);
  await page.getByLabel('A tool that no rule covers').selectOption({ label: 'allow' });
  await page.getByLabel('Description').fill('All of it');
  await page.getByLabel('Time zone').fill('Europe/Berlin');
  await page.getByLabel('Hidden tools').fill('delete_*\ncreate_payout');
  await page.getByRole('switch', { name: 'Hide also what no call could get through' }).click();
  for (const name of ['Resources', 'Prompts']) {
    await part(page, name);
    await page.getByLabel('What no list names').selectOption({ label: 'deny' });
    await page.getByLabel('Allowed').fill('a*');
    await page.getByLabel('Denied').fill('b');
    await page.getByLabel('Hidden').fill('c\nd');
  }
  await part(page, 'Upstream requests');
  await page.getByLabel('A server asks the agent’s model').selectOption({ label: 'deny' });
  await page.getByLabel('A server asks the agent’s user').selectOption({ label: 'allow' });
  await page.getByLabel('A server asks for the agent’s folders').selectOption({ label: 'deny' });
  await part(page, /^Every tool/);
  const limits = page.getByRole('region', { name: 'Limits' });
  await limits.getByRole('button', { name: '+ Limit' }).click();
  await limits.getByRole('textbox', { name: 'Window', exact: true }).fill('minute');
  await limits.getByRole('switch', { name: 'Rolling: no stretch' }).click();
  await page.getByRole('textbox', { name: 'Add a tool or pattern' }).fill('list_*');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Deny', { exact: true }).click();
  const section = { default: 'deny', allow: ['a*'], deny: ['b'], hide: ['c', 'd'] };
  expect(await kept(page, 'all-document')).toEqual({
    version: '1',
    default: 'allow',
    tools: { 'list_*': { deny_if: [{ conditions: [] }] } },
    description: 'All of it',
    timezone: 'Europe/Berlin',
    hide: ['delete_*', 'create_payout'],
    hide_denied: true,
    resources: section,
    prompts: section,
    client_requests: { sampling: 'deny', elicitation: 'allow', roots: 'deny' },
    all_tools: { limits: [{ counter: 'calls', window: 'minute', max: 100, rolling: true }] },
  });
});

test('what is looked at in Build stands in the address, and in the other tabs', async ({
  page,
  context,
}) => {
  await act(context);
  await blank(page, 'all-places');
  const places = page.getByRole('navigation', { name: 'Tools' });
  const here = (name: RegExp) => places.getByRole('button', { name });
  for (const [name, at] of [
    [/^create_payout/, '/tools/create_payout'],
    [/^Every tool/, '/all_tools'],
    [/^Document/, '/version'],
    [/^Upstream requests/, '/client_requests'],
    [/^refund_payment/, '/tools/refund_payment'],
  ] as const) {
    await here(name).click();
    await expect(here(name)).toHaveAttribute('aria-current', 'true');
    expect(new URL(page.url()).searchParams.get('at')).toBe(at);
  }
  await page.reload();
  await expect(here(/^refund_payment/)).toHaveAttribute('aria-current', 'true');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await page.getByRole('tab', { name: 'Build' }).click();
  await expect(here(/^refund_payment/)).toHaveAttribute('aria-current', 'true');
});

test('text of a policy that nobody sees is shown as its numbers, and kept as it is', async ({
  page,
  context,
}) => {
  await act(context);
  const text = JSON.stringify({
    version: '1',
    description: 'over \u202e500\u{e0041}',
    default: 'deny',
    tools: {},
  });
  const made = await page.request.post(`${api()}/policies`, {
    headers: asking(),
    data: { name: 'all-unseen', server: 'payments', text },
  });
  expect(made.status(), await made.text()).toBe(201);
  for (const place of ['json', 'v/1']) {
    await page.goto(`${house().control_url}/policies/all-unseen/${place}`);
    await expect(page.locator('.cm-content .cs-escape')).toHaveText(['\\u{202e}', '\\u{e0041}']);
  }
});

test('JSON that does not parse locks Build with the line and the reason, and loses no text', async ({
  page,
  context,
}) => {
  await act(context);
  await blank(page, 'broken');
  await page.getByRole('tab', { name: 'JSON' }).click();
  const editor = page.getByLabel('The policy as JSON');
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('{');
  await page.getByRole('tab', { name: 'Build' }).click();
  await expect(page.getByRole('alert')).toContainText(
    /The JSON does not parse: line \d+, column \d+/,
  );
  await page.getByRole('button', { name: 'Mend it in JSON' }).click();
  await expect(editor).toContainText('{');
});
