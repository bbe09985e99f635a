// The sealing keys: which there are, a rotation from its first to its last state, and the root key.
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { ask, firstAdmin, instance, member, settled } from './instance';

test('a rotation is begun with its meaning said, followed to its end, and the root key is named', async ({
  page,
  request,
  browser,
}) => {
  const here = await instance();
  try {
    await ask(request, here, 'POST', '/servers?probe=false', {
      slug: 's',
      url: 'http://127.0.0.1:9/mcp',
    });
    await ask(request, here, 'PUT', '/servers/s/credential', { bearer: 'canary' });
    await firstAdmin(page, here);
    await page.goto(`${here.control}/keys?tab=sealing`);
    await settled(page);
    const keys = page.getByRole('region', { name: 'Keys' });
    await expect(keys).toContainText('Key 1 seals since the first start.');
    await expect(page.getByRole('region', { name: 'Root key' })).toContainText('root.key');
    await expect(page.getByRole('region', { name: 'Root key' })).toContainText('never');
    expect(await faults(page, 'keys')).toEqual([]);

    await keys.getByRole('button', { name: 'Rotate' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText('while calls go on');
    expect(await faults(page, 'rotate')).toEqual([]);
    await dialog.getByRole('button', { name: 'Draw a new key' }).click();
    await expect(keys).toContainText('Key 2 seals since');
    const rows = keys.getByRole('row');
    await expect(rows.nth(1)).toContainText('active');
    await expect(rows.nth(2)).toContainText('decrypt only');
    await expect(keys.getByRole('button', { name: 'Rotate' })).toHaveAttribute(
      'aria-disabled',
      'true',
    );
    // Sealed again within seconds, then open to be retired without waiting.
    await expect(keys).toContainText('Nothing is sealed with the older key any more.');
    expect(await faults(page, 'rotating')).toEqual([]);
    await keys.getByRole('button', { name: 'Retire now' }).click();
    await expect(keys).toContainText('retired');
    await expect(keys).toContainText('No rotation is under way.');

    // A viewer keeps to keys of their own.
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    const viewer = await context.newPage();
    await member(viewer, request, here, 'ben@example.org', 'viewer');
    await viewer.goto(`${here.control}/keys?tab=sealing`);
    await expect(viewer.getByRole('alert')).toContainText('Only an admin can see this.');
    await viewer.getByRole('tab', { name: 'API keys' }).click();
    await expect(viewer.getByText('No keys yet')).toBeVisible();
    expect(await faults(viewer, 'keys of a viewer')).toEqual([]);
    await context.close();

    // A key of somebody else says whose it is.
    await page.getByRole('tab', { name: 'API keys' }).click();
    await page.getByRole('button', { name: 'Make a key' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('nightly');
    const whose = page.getByLabel('Whose it is');
    const ben = await whose.getByRole('option', { name: /ben@example.org/ }).getAttribute('value');
    await whose.selectOption(ben);
    await page.getByRole('dialog').getByRole('button', { name: 'Make a key' }).click();
    const row = page.getByRole('row', { name: /nightly/ });
    await expect(row).toContainText('ben@example.org');
    await expect(page.getByText('Shown only now.')).toBeVisible();
    expect(await faults(page, 'a key of somebody else')).toEqual([]);
  } finally {
    await here.end();
  }
});
