// An amount in minor units is declared on the tool's page, and read as money by whoever approves.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { house, open } from './house';
import { held, pageOf, REFUND } from './world';

test.describe.configure({ mode: 'serial' });

// A demo of its own: others read bare numbers in theirs.
let end: () => Promise<void>;
const shared = process.env.HOUSE;

test.beforeAll(async () => {
  const own = await open(['demo', '--ports', '0,0,0']);
  process.env.HOUSE = own.said;
  end = own.end;
});

test.afterAll(async () => {
  await end();
  if (shared !== undefined) process.env.HOUSE = shared;
});

test('an approver reads cents as money once an admin has declared them, and before that a bare number', async ({
  browser,
  request,
}) => {
  const { id } = await held(request, { ...REFUND, amount: 800 });
  const approver = await pageOf(browser, house().members.finance);
  const read = async () => {
    await approver.goto(`${house().control_url}/approvals/${id}`);
    await approver.getByRole('button', { name: 'Open the arguments' }).click();
    return approver.getByRole('region', { name: 'Exactly what will be sent' });
  };
  await expect(await read()).toContainText('800 unit not declared');

  const viewer = await pageOf(browser, house().members.viewer);
  const tool = `${house().control_url}/servers/payments/tools?tool=refund_payment`;
  await viewer.goto(tool);
  await expect(viewer.getByRole('button', { name: 'Declare an amount' })).toHaveAttribute(
    'aria-disabled',
    'true',
  );
  const admin = await pageOf(browser, house().api_key);
  await admin.goto(tool);
  await admin.getByRole('button', { name: 'Declare an amount' }).click();
  const form = admin.getByRole('region', { name: 'Amounts in minor units' });
  await expect(form.getByLabel('Argument')).toHaveValue('amount');
  await expect(form.getByLabel('Currency')).toHaveValue('currency');
  expect(await faults(admin, 'declaring an amount')).toEqual([]);
  await form.getByLabel('Currency').selectOption('always the same');
  await expect(form.getByRole('button', { name: 'Save' })).toHaveAttribute('aria-disabled', 'true');
  await form.getByLabel('Code').fill('jpy');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toContainText('amount is an amount in minor units of JPY');
  await expect(await read()).toContainText('800 (800 JPY)');
  await form.getByRole('button', { name: 'Change' }).click();
  await form.getByLabel('Currency').selectOption('in currency');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toContainText('of the currency in currency');
  const exactly = await read();
  await expect(exactly).toContainText('800 (8.00 USD)');
  await expect(approver.getByRole('heading', { level: 1 })).toContainText('amount 800 (8.00 USD)');
  expect(await faults(approver, 'an approval with money')).toEqual([]);
  await approver.getByRole('button', { name: 'Approve…' }).click();
  await expect(approver.getByRole('dialog')).toContainText('800 (8.00 USD)');
});
