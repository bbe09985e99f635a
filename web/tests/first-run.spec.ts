// Done when 1: from nothing to one governed and one denied call, at a person's pace.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type APIRequestContext, expect, type Page } from '@playwright/test';
import { type House, open } from './house';
import { upstream, UPSTREAM_KEY } from './upstream';
import { callAs, test } from './world';

/** How long a person reads before they act, and how fast they type. */
const READING = 2_500;
const A_KEY = 70;

async function type(page: Page, label: string | RegExp, text: string): Promise<void> {
  const field = page.getByLabel(label).and(page.locator('input, textarea')).first();
  await field.click();
  await field.pressSequentially(text, { delay: A_KEY });
}

async function press(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(READING);
  await page.getByRole('button', { name, exact: true }).click();
}

/** What a first run is walked with: the server that is connected, and two calls of it. */
interface Walk {
  slug: string;
  /** More words for the program. */
  flags: string[];
  connect: (page: Page) => Promise<void>;
  /** A tool that only reads, and one that does not. */
  reads: string;
  acts: string;
}

/** Walks the first run from the terminal's link to one governed and one denied call. */
async function walked(page: Page, request: APIRequestContext, walk: Walk): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-first-run-'));
  const any = '127.0.0.1:0';
  const { said, end } = await open([
    ...['serve', '--data-dir', folder],
    ...['--gateway-listen', any, '--control-listen', any, ...walk.flags],
  ]);
  try {
    const own = JSON.parse(said) as House;
    const started = Date.now();
    await page.goto(own.setup_url ?? '');
    await expect(page.getByText('1. Create the first admin')).toBeVisible();
    // The link's secret does not stay in the address.
    expect(page.url()).not.toContain('csu1_');
    await type(page, 'Your name', 'Ada Lovelace');
    await type(page, 'Email', 'ada@example.org');
    await type(page, /^Password/, 'forty-two green kettles');
    await press(page, 'Create admin');

    await walk.connect(page);

    // Every tool is shown with what the template means for it, before anything is allowed.
    const meaning = page.getByRole('table', { name: 'What this means' });
    const row = (tool: string) => meaning.getByRole('row', { name: new RegExp(tool) });
    await expect(row(walk.reads)).toContainText('Allowed');
    await expect(row(walk.acts)).toContainText('Denied');
    await press(page, 'Publish this policy');

    await type(page, 'Name', 'agent-one');
    await press(page, 'Create grant');

    await expect(page.getByText('Waiting for the first call…')).toBeVisible();
    // It stands nowhere in full until somebody asks for it.
    await expect(page.locator('body')).not.toContainText(/csg1_[\w-]{20}/);
    await page.getByRole('button', { name: 'Show the token' }).click();
    const snippet = await page.locator('pre').first().textContent();
    const token = /csg1_[\w-]+/.exec(snippet ?? '')?.[0] ?? '';
    expect(token).not.toBe('');
    await page.waitForTimeout(READING);
    await callAs(request, own, walk.slug, token, walk.reads, {});
    await expect(
      page.getByText('Now let it call a tool that the policy does not list'),
    ).toBeVisible();
    await callAs(request, own, walk.slug, token, walk.acts, {});
    await expect(page.getByText('You have seen an allowed and a denied call.')).toBeVisible();
    const took = Date.now() - started;
    console.log(`first run: ${Math.round(took / 1000)} s`);
    expect(took).toBeLessThan(180_000);

    // It resumes where it was left, and the calls are in the log with what decided them.
    await page.getByRole('link', { name: 'See both in the logs' }).click();
    const line = (tool: string) => page.getByRole('row', { name: new RegExp(tool) });
    await expect(line(walk.acts)).toContainText('Denied');
    await expect(line(walk.reads)).toContainText('Allowed');
  } finally {
    await end();
    await rm(folder, { recursive: true, force: true });
  }
}

test('the first run ends on one governed and one denied call, in less than three minutes', async ({
  page,
  request,
}) => {
  await walked(page, request, {
    slug: 'payments',
    flags: ['--demo-server', '0'],
    connect: async () => {
      await page.waitForTimeout(READING);
      await page.getByLabel('From the catalogue').selectOption('Demo payments');
      await expect(page.getByText('needs no key, and moves no money')).toBeVisible();
      await press(page, 'Add server and look at it');
    },
    reads: 'list_invoices',
    acts: 'create_payout',
  });
});

test('the first run with a server of one’s own gives it its key on the way', async ({
  page,
  request,
}) => {
  const server = await upstream();
  try {
    await walked(page, request, {
      slug: 'orders',
      flags: [],
      connect: async () => {
        await type(page, 'Short name', 'orders');
        await type(page, 'Address of its MCP endpoint', server.url);
        await press(page, 'Add server and look at it');
        await type(page, 'Value', UPSTREAM_KEY);
        await press(page, 'Seal and use it');
      },
      reads: 'get_order',
      acts: 'cancel_order',
    });
  } finally {
    server.end();
  }
});
