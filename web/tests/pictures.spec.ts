// The pictures of the six screens. `npm run pictures` makes them anew: the six of the README and the pages
// in docs/pictures, and all widths and schemes in web/screenshots, to be looked at. Any other run only
// holds that they are there.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { house } from './house';
import { asking, call, held, pageOf, REFUND, settled, test } from './world';

const KEPT = '../docs/pictures';
const ALL = 'screenshots';

interface Picture {
  name: string;
  /** The width that the pages show. */
  width: number;
  height: number;
  /** Whose screen it is. */
  key: () => string;
  show: (page: Page) => Promise<void>;
}

const go = async (page: Page, path: string) => {
  await page.goto(house().control_url + path);
  await settled(page);
};
const admin = () => house().api_key;

/** Ids of what the pictures are about, once it has happened. */
const ids = { denied: '', waiting: '' };

const PICTURES: Picture[] = [
  {
    name: 'overview',
    width: 1440,
    height: 900,
    key: () => house().members.finance ?? '',
    show: (page) => go(page, '/'),
  },
  {
    name: 'builder',
    width: 1440,
    height: 900,
    key: admin,
    show: async (page) => {
      await go(page, '/policies/support/build');
      await page.getByRole('button', { name: /^refund_payment/ }).click();
      await expect(page.getByRole('region', { name: 'Denied when' })).toBeVisible();
    },
  },
  {
    name: 'review',
    width: 1440,
    height: 900,
    key: admin,
    show: async (page) => {
      await go(page, '/policies/support/build');
      await page.getByRole('button', { name: 'Review and publish' }).click();
      const changes = page.getByRole('region', { name: 'What changes, exactly' });
      await expect(changes).toContainText(/Allow|Denied|open/);
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
    },
  },
  {
    name: 'approval',
    width: 390,
    height: 844,
    key: () => house().members.finance ?? '',
    show: async (page) => {
      await go(page, `/approvals/${ids.waiting}`);
      await page.getByRole('button', { name: 'Open the arguments' }).click();
      const approve = page.getByRole('button', { name: 'Approve…' });
      await expect(approve).not.toHaveAttribute('aria-disabled', 'true');
    },
  },
  {
    name: 'logs',
    width: 1440,
    height: 900,
    key: admin,
    show: async (page) => {
      await go(page, `/logs/${ids.denied}`);
      await expect(page.getByRole('table', { name: 'Logs' })).toBeVisible();
    },
  },
  {
    name: 'grant',
    width: 1440,
    height: 900,
    key: admin,
    show: (page) => go(page, '/grants/support-agent'),
  },
];

/** The width and height that a WebP says it has. */
function sizeOf(file: string): { width: number; height: number } {
  const bytes = readFileSync(file);
  expect(bytes.toString('latin1', 8, 16)).toBe('WEBPVP8X');
  return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
}

/** Takes a picture as WebP: as sharp as a PNG to the eye, at a third of the size. */
async function take(page: Page, path: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 85 });
  writeFileSync(path, Buffer.from(data, 'base64'));
  await devtools.detach();
}

test('the pictures of the six screens are there, of the size that the pages expect', () => {
  const told = ['../README.md', '../docs/approvals.md', '../docs/policies.md']
    .concat(['../docs/logs-and-security.md', '../docs/quick-start.md'])
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  for (const { name, width, height } of PICTURES) {
    const file = join(KEPT, `${name}.webp`);
    expect(sizeOf(file), name).toEqual({ width, height });
    expect(statSync(file).size, name).toBeLessThan(100_000);
    expect(told, `no page shows ${name}.webp`).toContain(`pictures/${name}.webp`);
  }
});

if (process.env.PICTURES) {
  test('the pictures are made', async ({ browser, request }) => {
    test.setTimeout(600_000);
    mkdirSync(ALL, { recursive: true });
    for (let n = 0; n < 12; n += 1) {
      await call(request, n % 3 ? 'support-agent' : 'finance-agent', 'list_invoices', {});
      await call(request, 'support-agent', 'refund_payment', { ...REFUND, amount: 40 + n });
      if (n % 4 === 0) {
        await call(request, 'support-agent', 'refund_payment', { ...REFUND, currency: 'eur' });
      }
    }
    const listed = await request.get(
      `${house().control_url}/api/v1/calls?grant=support-agent&decision=denied&limit=1`,
      { headers: asking() },
    );
    ids.denied = ((await listed.json()) as { items: { id: string }[] }).items[0]?.id ?? '';
    const waiting = await held(
      request,
      { ...REFUND, amount: 900, reason: 'Order 4471 \u202earrived damaged' },
      'support',
    );
    ids.waiting = waiting.id;
    const policies = `${house().control_url}/api/v1/policies/support`;
    const live = (await (await request.get(policies, { headers: asking() })).json()) as {
      version: { text: string };
    };
    const drafted = await request.put(`${policies}/draft`, {
      headers: { ...asking(), 'if-none-match': '*' },
      data: { text: live.version.text.replace(/\b500\b/, '200') },
    });
    expect(drafted.status(), await drafted.text()).toBe(200);

    for (const picture of PICTURES) {
      const kept = { width: picture.width, height: picture.height };
      const page = await pageOf(browser, picture.key(), { viewport: kept });
      await picture.show(page);
      await take(page, join(KEPT, `${picture.name}.webp`));
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const html = page.locator('html');
        await expect(html).toHaveAttribute('data-mantine-color-scheme', colorScheme);
        // Half of a change of colours is no picture: everything is drawn anew first.
        await page.evaluate(() => new Promise((done) => setTimeout(done, 400)));
        for (const width of [1440, 390, 320]) {
          await page.setViewportSize({ width, height: width === 1440 ? 900 : 844 });
          await take(page, join(ALL, `${picture.name}-${width}-${colorScheme}.webp`));
        }
      }
      await page.context().close();
    }
  });
}
