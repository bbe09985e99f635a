// Credentials: every kind is set, tried, shown in words, replaced, read back and taken away, and people
// connect accounts of their own where an agent sends them.
import { expect, type Page, test } from '@playwright/test';
import { faults } from './axe';
import {
  ask,
  callTool,
  firstAdmin,
  type Instance,
  instance,
  member,
  PASSWORD,
  settled,
} from './instance';
import { type Site, site } from './site';

test.describe.configure({ mode: 'serial' });

let here: Instance;
let orders: Site;
let page: Page;

test.beforeAll(async ({ browser, request }) => {
  here = await instance({ CONTROL__REVEAL_CREDENTIALS: 'yes' });
  orders = await site();
  for (const slug of ['orders', 'plain'])
    await ask(request, here, 'POST', '/servers?probe=false', { slug, url: orders.url });
  page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  await firstAdmin(page, here);
});

test.afterAll(async () => {
  await page.close();
  orders.end();
  await here.end();
});

const at = (slug: string, tab = 'credential') => `${here.control}/servers/${slug}/${tab}`;

/** What is wrong with the page; without it the test says where. */
const clean = async (where: string) => expect(await faults(page, where)).toEqual([]);

test('headers are set, tried, replaced, read back once with a reason, and taken away', async () => {
  await page.goto(at('plain'));
  await expect(page.getByText('No credential is set')).toBeVisible();
  await clean('no credential');
  await page.getByRole('button', { name: 'Set credential' }).click();
  await page.getByRole('radio', { name: 'Headers' }).check();
  await page.getByRole('button', { name: 'Add a header' }).click();
  await page.getByRole('textbox', { name: 'Header 1', exact: true }).fill('X-Api-Key');
  await page.getByLabel('Value 1').fill('canary-one');
  await page.getByRole('textbox', { name: 'Header 2', exact: true }).fill('X-Tenant');
  await page.getByLabel('Value 2').fill('canary-two');
  await clean('form of headers');
  await page.getByRole('button', { name: 'Seal and use it' }).click();
  const known = page.getByRole('region', { name: 'Credential' });
  await expect(known).toContainText('x-api-key, x-tenant');
  await expect(known).toContainText('It opens with the present keys');
  await expect(page.locator('body')).not.toContainText('canary');

  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await expect(known).toContainText('The server does not answer with it:');
  await clean('headers');

  await page.getByRole('button', { name: 'Reveal' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Reveal it once' })).toBeDisabled();
  await dialog.getByLabel('Reason, for the record').fill('rotating it at the vendor');
  await clean('reveal');
  await dialog.getByRole('button', { name: 'Reveal it once' }).click();
  await expect(dialog).toContainText('canary-one');
  await expect(dialog).toContainText('canary-two');
  await expect(dialog).toContainText(/Gone in \d+ s/);
  await dialog.getByRole('button', { name: 'Hide it now' }).click();
  await expect(page.locator('body')).not.toContainText('canary');
  await page.goto(`${here.control}/audit`);
  await expect(page.getByRole('main')).toContainText('rotating it at the vendor');

  await page.goto(at('plain'));
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByRole('radio', { name: 'Bearer token' }).check();
  await expect(page.getByText('The next call uses the new one.')).toBeVisible();
  await page.getByLabel('Value').fill('canary-three');
  await page.getByRole('button', { name: 'Seal and use it' }).click();
  await expect(known).toContainText('authorization');
  await expect(known).toContainText('once');

  await page.getByRole('button', { name: 'Disconnect' }).click();
  await expect(dialog).toContainText('Calls leave without one until another is set');
  await dialog.getByRole('button', { name: 'Erase the credential' }).click();
  await expect(page.getByText('No credential is set')).toBeVisible();
});

test('revealing wants a fresh proof, and goes on with it', async ({ request }) => {
  await ask(request, here, 'PUT', '/servers/plain/credential', { bearer: 'canary-four' });
  await page.goto(at('plain'));
  // Five minutes are not waited for: the server says what it says once they are over.
  let stale = true;
  await page.route('**/credential/reveal', (route) => {
    if (!stale) return route.continue();
    stale = false;
    return route.fulfill({
      status: 403,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'urn:countersign:problem:reauthentication_required',
        title: 'Prove again who you are',
        status: 403,
        detail: 'this needs a fresh proof',
        code: 'reauthentication_required',
        request_id: 'req_test',
        errors: [],
      }),
    });
  });
  await page.getByRole('button', { name: 'Reveal' }).click();
  await page.getByLabel('Reason, for the record').fill('audit');
  await page.getByRole('button', { name: 'Reveal it once' }).click();
  const proof = page.getByRole('dialog', { name: 'Is it you?' });
  await proof.getByLabel('Your password').fill(PASSWORD);
  await proof.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('Bearer canary-four')).toBeVisible();
  await page.getByRole('button', { name: 'Hide it now' }).click();
  await page.unroute('**/credential/reveal');
});

test('an OAuth client is found, people consent, and every end of it is said in words', async () => {
  await page.goto(at('orders'));
  await page.getByRole('button', { name: 'Set credential' }).click();
  await page.getByRole('radio', { name: 'OAuth, with consent' }).check();
  await page.getByRole('button', { name: 'Ask the server' }).click();
  await expect(page.getByText(`It names ${orders.issuer}.`)).toBeVisible();
  await expect(page.getByText('It makes clients for whoever asks')).toBeVisible();
  await clean('form of OAuth');
  await page.getByRole('radio', { name: 'One was made there' }).check();
  await expect(page.getByText(`${here.control}/api/v1/oauth/callback`)).toBeVisible();
  await clean('form of a client that was made');
  await page.getByRole('radio', { name: 'Find or make one' }).check();
  await page.getByLabel('Each identity connects an account of its own').check();
  await page.getByRole('button', { name: 'Seal and use it' }).click();
  const known = page.getByRole('region', { name: 'Credential' });
  await expect(known).toContainText('made-for-us');
  await expect(known).toContainText('one for each identity of grants');
  const accounts = page.getByRole('region', { name: 'Connected accounts' });
  await expect(accounts).toContainText('Nobody has connected an account yet');
  await clean('no accounts');

  // Refused there, and it says so here.
  await page.goto(at('orders', 'connect'));
  const own = page.getByRole('region', { name: /^Your account at/ });
  await expect(own).toContainText('ada@example.org');
  await expect(own).toContainText('orders:read');
  await expect(own).toContainText('Not connected');
  await clean('own account');
  const go = own.getByRole('button', { name: /^Connect your account at/ });
  await go.click();
  await page.getByRole('link', { name: 'Refuse' }).click();
  await expect(page).toHaveURL(/\/servers\/orders\/connect\?result=declined$/);
  await expect(own).toContainText('nobody consented');
  await clean('declined');
  await go.click();
  await page.getByRole('link', { name: 'Allow' }).click();
  await expect(page).toHaveURL(/\?result=connected$/);
  await expect(own).toContainText('Calls use it from now on');
  await expect(own).toContainText('Works');
  await expect(page.locator('body')).not.toContainText('canary');
  await clean('connected');

  await page.goto(at('orders'));
  const table = accounts.getByRole('table');
  await expect(table).toContainText('ada@example.org');
  await expect(table).toContainText('renewed before');
  await expect(table).toContainText('Sealed with key 1');
  await clean('accounts');
  // Somebody else's account, in their place.
  await accounts.getByRole('button', { name: 'Connect an account' }).click();
  await page.getByLabel('For which identity').fill('ci@example.org');
  await page.getByRole('button', { name: 'Go to the authorization server' }).click();
  await page.getByRole('link', { name: 'Allow' }).click();
  await expect(page).toHaveURL(/\?result=connected$/);
  await page.goto(at('orders'));
  await expect(table).toContainText('ci@example.org');
  const row = table.getByRole('row', { name: /ci@example.org/ });
  await row.getByRole('button', { name: 'Disconnect' }).click();
  await expect(page.getByRole('dialog')).toContainText('Its tokens are erased here');
  await page.getByRole('button', { name: 'Erase its tokens' }).click();
  await expect(table).not.toContainText('ci@example.org');
});

test('a viewer connects an account of their own and sees nobody else’s', async ({
  browser,
  request,
}) => {
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  const viewer = await context.newPage();
  await member(viewer, request, here, 'ben@example.org', 'viewer');
  await viewer.goto(at('orders', 'connect'));
  const own = viewer.getByRole('region', { name: /^Your account at/ });
  await expect(own).toContainText('ben@example.org');
  await own.getByRole('button', { name: /^Connect your account at/ }).focus();
  await viewer.keyboard.press('Enter');
  await viewer.getByRole('link', { name: 'Allow' }).click();
  await expect(own).toContainText('Works');
  await expect(viewer.locator('body')).not.toContainText('ada@example.org');
  expect(await faults(viewer, 'a viewer')).toEqual([]);
  await viewer.goto(at('orders'));
  await expect(viewer.getByRole('alert')).toContainText('Only an admin can see this.');
  await context.close();
});

test('an agent without an account is sent to this page, and a revoked consent says who mends it', async ({
  request,
}) => {
  // The account that looks at the server is nobody's own.
  await page.goto(at('orders'));
  await page.getByRole('button', { name: 'Connect an account' }).click();
  await page.getByLabel('What it is for').selectOption('listing');
  await page.getByRole('button', { name: 'Go to the authorization server' }).click();
  await page.getByRole('link', { name: 'Allow' }).click();
  await expect(page).toHaveURL(/\?result=connected$/);
  await ask(request, here, 'POST', '/policies', {
    name: 'reading',
    server: 'orders',
    text: JSON.stringify({ version: '1', default: 'deny', tools: { list_orders: {} } }),
  });
  await ask(request, here, 'POST', '/servers/orders/refresh');
  const { token } = await ask<{ token: string }>(request, here, 'POST', '/grants', {
    label: 'reader',
    identity: 'ada@example.org',
    servers: [{ server: 'orders', policy: 'reading' }],
  });
  await page.goto(at('orders', 'connect'));
  const own = page.getByRole('region', { name: /^Your account at/ });
  await expect(own.getByRole('listitem')).toContainText('reader under the policy reading');
  // The consent is ended at the server, and the next call learns of it.
  orders.revoke();
  const call = () => callTool(request, here, 'orders', token, 'list_orders');
  await call();
  expect(await call()).toContain('/servers/orders/connect');
  await page.goto(at('orders', 'connect'));
  await expect(own).toContainText('By ada@example.org or an admin.');
  await clean('reconnect needed');
  await page.goto(at('orders'));
  await expect(page.getByRole('region', { name: 'Connected accounts' })).toContainText(
    'Reconnect needed',
  );
});

test('a client that asks for itself has its secret sealed and is tried', async () => {
  await page.goto(at('plain'));
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByRole('radio', { name: 'OAuth, for itself' }).check();
  await page.getByLabel('Client id').fill('made-there');
  await page.getByLabel('Client secret').fill('canary-secret');
  await clean('form of a client for itself');
  await page.getByRole('button', { name: 'Seal and use it' }).click();
  const accounts = page.getByRole('region', { name: 'Connected accounts' });
  await expect(accounts).toContainText('Ready: the first call gets its token');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Credential' })).toContainText(
    'It opens, and the server answers with it: MCP 2026-07-28, 1 tool.',
  );
  await expect(accounts).toContainText('Works');
  await expect(page.locator('body')).not.toContainText('canary');
  await settled(page);
  await clean('a client for itself');
});
