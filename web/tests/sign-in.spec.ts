// People sign in for real, and a session that ends in mid-edit loses nothing: done when 9, its first part.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { type House, open } from './house';
import { settled, test } from './world';

const PASSWORD = 'forty-two green kettles';
let own: House & { base: string };
let close: () => Promise<void>;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-sign-in-'));
  const any = '127.0.0.1:0';
  const { said, end } = await open([
    ...['serve', '--data-dir', folder],
    ...['--gateway-listen', any, '--control-listen', any],
  ]);
  const house = JSON.parse(said) as House;
  // Passkeys belong to a name, and this is the one a machine has for itself.
  own = { ...house, base: house.control_url.replace('127.0.0.1', 'localhost') };
  close = async () => {
    await end();
    await rm(folder, { recursive: true, force: true });
  };
  const page = await (await browser.newContext()).newPage();
  await page.goto((house.setup_url ?? '').replace('127.0.0.1', 'localhost'));
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Email').fill('ada@example.org');
  await page.locator('input[type=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create admin' }).click();
  await expect(page.getByText('2. Connect a server')).toBeVisible();
  await page.context().close();
});

test.afterAll(() => close());

async function signIn(page: Page): Promise<void> {
  await page.goto(`${own.base}/sign-in?next=/settings`);
  await page.getByLabel('Email').fill('ada@example.org');
  await page.locator('input[type=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible();
}

test('a wrong password is refused without saying what was wrong, and a right one leads on', async ({
  page,
}) => {
  await page.goto(`${own.base}/grants`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel('Email').fill('ada@example.org');
  await page.locator('input[type=password]').fill('not the one she has');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('the address or the password is not right');
  await expect(page.getByLabel('Email')).toHaveValue('ada@example.org');
  await page.locator('input[type=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Grants', level: 1 })).toBeVisible();
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, document.cookie]));
  expect(kept).not.toContain(PASSWORD);
  expect(kept).not.toContain('__Host-');
});

test('a passkey is added and signs its owner in', async ({ page, context }) => {
  const device = await context.newCDPSession(page);
  await device.send('WebAuthn.enable');
  await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await signIn(page);
  await page.getByLabel('What you call it').fill('Her phone');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(page.getByRole('button', { name: 'Remove Her phone' })).toBeVisible();
  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

test('a session that ended is opened again on the spot, and what was sent goes out again', async ({
  page,
  browser,
}) => {
  await signIn(page);
  await page.goto(`${own.base}/members?tab=groups`);
  await page.getByRole('button', { name: 'Create group' }).first().click();
  await page.getByRole('dialog').getByLabel('Name').fill('finance');
  // Elsewhere, she signs out everywhere.
  const elsewhere = await (await browser.newContext()).newPage();
  await signIn(elsewhere);
  await elsewhere.getByRole('button', { name: 'Sign out everywhere' }).click();
  await elsewhere.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(elsewhere.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await elsewhere.context().close();

  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  const again = page.getByRole('dialog', { name: 'You are signed out' });
  await again.getByLabel('Your password').fill(PASSWORD);
  await again.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Edit finance' })).toBeVisible();
});

test('a page is not gone on with by the next person who signs in with the same browser', async ({
  page,
  context,
}) => {
  await signIn(page);
  await page.goto(`${own.base}/members?tab=groups`);
  await page.getByRole('button', { name: 'Create group' }).first().click();
  await page.getByRole('dialog').getByLabel('Name').fill('typed-by-ada');
  const invited = await page.request.post(`${own.base}/api/v1/members`, {
    headers: { authorization: `Bearer ${own.api_key}` },
    data: { email: 'eve@example.org', role: 'admin' },
  });
  expect(invited.status(), await invited.text()).toBe(201);
  const { path } = (await invited.json()) as { path: string };

  // In another window, the next person comes in. Here, nothing of the one before is left.
  const beside = await context.newPage();
  await beside.goto(own.base + path);
  await beside.locator('input[type=password]').first().fill('another forty-two kettles');
  await beside.getByRole('button', { name: 'Accept and sign in' }).click();
  await beside.getByRole('heading', { name: 'Overview' }).waitFor();
  await expect(page.getByRole('button', { name: /^Account of (?!Ada)/ })).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Create group' }).first()).toBeVisible();
});

test('a fresh proof is asked for once, and the change that needed it goes on', async ({ page }) => {
  await signIn(page);
  await page.goto(`${own.base}/members`);
  // The server would ask after five minutes; here it asks at once.
  let asked = 0;
  await page.route('**/api/v1/members', async (route) => {
    if (route.request().method() !== 'POST' || asked > 0) return route.continue();
    asked += 1;
    return route.fulfill({
      status: 403,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'urn:countersign:problem:reauthentication_required',
        title: 'Prove again who you are',
        status: 403,
        detail: 'prove again who you are (`POST /session/fresh`), then repeat this',
        code: 'reauthentication_required',
        request_id: 'req_test',
      }),
    });
  });
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Email').fill('bob@example.org');
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
  const proof = page.getByRole('dialog', { name: 'Is it you?' });
  await proof.getByLabel('Your password').fill('not hers at all');
  await proof.getByRole('button', { name: 'Go on' }).click();
  await expect(proof.getByRole('alert')).toContainText('this is not your password');
  await proof.getByLabel('Your password').fill(PASSWORD);
  await proof.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('It works once.')).toBeVisible();

  // The invited person comes in by the link.
  const link = await page.locator('pre').first().textContent();
  const guest = await (await page.context().browser()?.newContext())?.newPage();
  if (!guest) throw new Error('no browser');
  await guest.goto(link ?? '');
  await expect(guest.getByRole('heading', { name: 'You are invited' })).toBeVisible();
  expect(guest.url()).not.toContain('#');
  await guest.locator('input[type=password]').fill('another fine long sentence');
  await guest.getByRole('button', { name: 'Accept and sign in' }).click();
  await expect(guest.getByRole('heading', { name: 'Overview' })).toBeVisible();
  // A viewer finds what is not for them dimmed, with the role that can.
  await guest.goto(`${own.base}/audit`);
  await settled(guest);
  await expect(guest.getByText('Only an admin can see this.').first()).toBeVisible();
  await guest.context().close();
});
