// Channels: made, tried, told in words what became of it, switched off, changed and removed.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@playwright/test';
import { faults } from './axe';
import { firstAdmin, instance, member, settled } from './instance';

test('a webhook is made with its key shown once, tried in both ways, changed and removed', async ({
  page,
  request,
  browser,
}) => {
  const here = await instance();
  const signatures: string[] = [];
  let status = 204;
  const receiver = createServer((asked, answer) => {
    signatures.push(String(asked.headers['webhook-signature']));
    answer.writeHead(status).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  try {
    await firstAdmin(page, here);
    await page.goto(`${here.control}/settings`);
    await page.getByRole('link', { name: 'See the channels' }).click();
    await settled(page);
    await expect(page.getByText('No channels yet')).toBeVisible();
    expect(await faults(page, 'no channels')).toEqual([]);

    await page.getByRole('button', { name: 'Add a channel' }).first().click();
    const dialog = page.getByRole('dialog');
    expect(await faults(page, 'form of mail')).toEqual([]);
    await dialog.getByText('Slack', { exact: true }).click();
    await expect(dialog.getByLabel('Address that Slack gave')).toBeVisible();
    await dialog.getByText('Webhook', { exact: true }).click();
    await dialog.getByLabel('Name').fill('on-call');
    await dialog.getByLabel('Address').fill(`http://127.0.0.1:${port}/hook`);
    expect(await faults(page, 'form of a webhook')).toEqual([]);
    await dialog.getByRole('button', { name: 'Make the channel' }).click();
    const key = page.getByRole('region', { name: 'Key of on-call' }).first();
    await expect(key).toContainText('whsec_');
    expect(await faults(page, 'its key')).toEqual([]);
    await expect(page.getByRole('button', { name: 'Done' })).toBeDisabled();
    await page.getByLabel('The receiver has it').check();
    await page.getByRole('button', { name: 'Done' }).click();
    await expect(page.locator('body')).not.toContainText('whsec_');

    const channel = page.getByRole('region', { name: 'on-call', exact: true });
    await expect(channel).toContainText('nothing was sent yet');
    await expect(channel).toContainText('everything that becomes of a call that waits');
    await channel.getByRole('button', { name: 'Send a test' }).click();
    await expect(channel).toContainText('The test message was taken.');
    expect(signatures).toHaveLength(1);
    status = 500;
    await channel.getByRole('button', { name: 'Send a test' }).click();
    await expect(channel).toContainText('The test message was not taken:');
    await expect(channel).toContainText('500');
    expect(await faults(page, 'a channel')).toEqual([]);

    await channel.getByRole('button', { name: 'Messages' }).click();
    await expect(page).toHaveURL(/\?channel=on-call$/);
    const messages = page.getByRole('region', { name: 'Messages of on-call' });
    await expect(messages.getByRole('row')).toHaveCount(3);
    await expect(messages).toContainText('Given up');
    expect(await faults(page, 'messages')).toEqual([]);
    status = 204;
    await messages.getByRole('button', { name: 'Try again' }).click();
    await expect(messages).not.toContainText('Given up after');

    await channel.getByRole('button', { name: 'Switch off' }).click();
    await expect(channel).toContainText('switched off');
    await expect(channel.getByRole('button', { name: 'Send a test' })).toHaveAttribute(
      'aria-disabled',
      'true',
    );
    await channel.getByRole('button', { name: 'Change' }).click();
    await dialog.getByLabel('Name').fill('night-watch');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const renamed = page.getByRole('region', { name: 'night-watch', exact: true });
    await expect(renamed).toContainText('switched off');

    const context = await browser.newContext({ reducedMotion: 'reduce' });
    const viewer = await context.newPage();
    await member(viewer, request, here, 'ben@example.org', 'viewer');
    await viewer.goto(`${here.control}/settings/channels`);
    await expect(viewer.getByRole('alert')).toContainText('Only an admin can see this.');
    expect(await faults(viewer, 'channels for a viewer')).toEqual([]);
    await context.close();

    await renamed.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByLabel('Type night-watch to go on').fill('night-watch');
    await dialog.getByRole('button', { name: 'Remove night-watch' }).click();
    await expect(page.getByText('No channels yet')).toBeVisible();
  } finally {
    receiver.close();
    receiver.closeAllConnections();
    await here.end();
  }
});
