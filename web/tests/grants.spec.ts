// Grants: what each may do, told truly, and another policy with its effect in view.
import { type APIRequestContext, expect } from '@playwright/test';
import { faults } from './axe';
import { house } from './house';
import { act, asking, test } from './world';

const api = (path: string) => `${house().control_url}/api/v1${path}`;

async function make<T>(request: APIRequestContext, path: string, data: unknown): Promise<T> {
  const answer = await request.post(api(path), { headers: asking(), data });
  expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  return (await answer.json()) as T;
}

const policy = (document: object) => JSON.stringify({ version: '1', default: 'deny', ...document });
const name = (what: string) => `${what}-${process.pid}`;

test('the matrix says by rules where rules for every tool decide, and denied where no call gets in', async ({
  page,
  context,
  request,
}) => {
  const tools = { list_invoices: {}, create_payout: {} };
  const all_tools = { approve_if: [{ id: 'always', conditions: [], approvers: ['role:admin'] }] };
  await make(request, '/policies', { name: name('plain'), text: policy({ tools }) });
  await make(request, '/policies', { name: name('asked'), text: policy({ tools, all_tools }) });
  for (const which of ['plain', 'asked', 'paused'])
    await make(request, '/grants', {
      label: name(which),
      servers: [{ server: 'payments', policy: name(which === 'asked' ? 'asked' : 'plain') }],
    });
  await make(request, `/grants/${name('paused')}/pause`, undefined);
  await act(context);
  await page.goto(`${house().control_url}/grants?view=matrix`);
  const table = page.getByRole('table', { name: 'Matrix' });
  await expect(table.getByRole('row', { name: new RegExp(`^${name('asked')}`) })).toBeVisible();
  const heads = await table.getByRole('columnheader').allTextContents();
  const cell = (grant: string, tool: string) =>
    table
      .getByRole('row', { name: new RegExp(`^${name(grant)}`) })
      .getByRole('cell')
      .nth(heads.indexOf(tool) - 1);
  await expect(cell('plain', 'list_invoices')).toHaveText('Allowed');
  await expect(cell('plain', 'refund_payment')).toHaveText('Denied');
  await expect(cell('asked', 'list_invoices')).toHaveText('By rules');
  await expect(cell('asked', 'refund_payment')).toHaveText('Denied');
  await expect(cell('paused', 'list_invoices')).toHaveText('Denied');
});

test('another policy is attached at the server it was chosen for, with its effect in view', async ({
  page,
  context,
  request,
}) => {
  const second = name('second');
  const server = await request.post(api('/servers?probe=false'), {
    headers: asking(),
    data: { slug: second, url: 'http://127.0.0.1:9/mcp' },
  });
  expect(server.status(), await server.text()).toBe(201);
  const label = name('two-servers');
  const grant = await make<{ grant: { id: string } }>(request, '/grants', {
    label,
    servers: [
      { server: 'payments', policy: 'support' },
      { server: second, policy: 'finance' },
    ],
  });
  await act(context);
  await page.goto(`${house().control_url}/grants/${grant.grant.id}`);
  await page.getByRole('button', { name: 'Change policy' }).click();
  const dialog = page.getByRole('dialog');
  const chosen = dialog.getByLabel('Policy');
  await expect(chosen).toHaveValue('support');
  await dialog.getByLabel('Server').selectOption(second);
  await expect(chosen).toHaveValue('finance');
  const go = dialog.getByRole('button', { name: 'Change policy' });
  await expect(go).toBeDisabled();
  await chosen.selectOption('support');
  const effect = dialog.getByRole('region', { name: 'What this changes, exactly' });
  await expect(effect.getByRole('listitem').first()).toContainText('refund_payment');
  expect(await faults(page, 'attach')).toEqual([]);
  await go.click();
  await expect(dialog).toHaveCount(0);
  const said = await request.get(api(`/grants/${grant.grant.id}`), { headers: asking() });
  const { servers } = (await said.json()) as { servers: { policy: { name: string } }[] };
  expect(servers.map((one) => one.policy.name)).toEqual(['support', 'support']);
});
