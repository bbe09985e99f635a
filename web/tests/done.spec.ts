// The ten lines of the design that say when the dashboard is done: which tests hold each of them, and
// those that go through every screen for its looks (2, 3 and the states of 9).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { faults, violations } from './axe';
import { house } from './house';
import { SCREENS } from './screens';
import { act, listen, pageOf, settled, test } from './world';

/** What the design promises, and the names of the tests that hold it; each is there, or a test fails. */
const LINES: { says: string; by: string[] }[] = [
  {
    says: '1. The first run ends on one governed and one denied call, at a person’s pace within three minutes',
    by: [
      'the first run ends on one governed and one denied call, in less than three minutes',
      'who has only the README sees a governed and a denied call in under three minutes',
    ],
  },
  {
    says: '2. No violation of WCAG A or AA on any route, light and dark, populated, empty and failing; all by keyboard',
    by: [
      'every screen is accessible in both schemes, fits a phone, and keeps to the content policy',
      'every list is accessible and says what it is where there is nothing, and where nothing answers',
      'the open approval and a call of the log are accessible in both schemes',
      'by keyboard alone a policy is edited, reviewed and published',
      'a call is approved by keyboard alone',
      'by keyboard alone a grant is made, its token shown once, and the grant revoked',
    ],
  },
  {
    says: '3. The content policy is broken on no route; a build that compiles code fails',
    by: [
      'every page comes with a strict content policy and a fresh nonce',
      'every screen is accessible in both schemes, fits a phone, and keeps to the content policy',
      'dialogs, menus, the palette, hints and notices keep to the content policy while they are open',
      'the editor, what it shows and the review keep to the content policy while they are open',
      'a build that compiles code at run time is refused',
    ],
  },
  {
    says: '4. Build and JSON are one document: untouched is unchanged, and nothing is for JSON alone',
    by: [
      'a thousand documents that are opened and saved untouched keep every byte',
      'rules of every kind, with groups inside groups, are made in Build',
      'every operator is made in Build, with a value of the kind it takes',
      'the document, its lists and its patterns are made in Build',
    ],
  },
  {
    says: '5. A decision opens the version that decided with its rule lit, after the policy has moved on',
    by: [
      'every decision opens the version that decided with its rule lit, after the policy has moved on',
    ],
  },
  {
    says: '6. Canaries in arguments, tokens and credentials reach nobody who may not see them, and are kept nowhere',
    by: [
      'whoever is not asked sees why, and no value anywhere',
      'every button is awake exactly for those whom the server lets, and no screen has a secret for anybody',
    ],
  },
  {
    says: '7. Approving is impossible by GET, twice, late, by the owner, with something folded, with another fingerprint',
    by: [
      'approving is impossible while a long value is folded, and twice, and with another fingerprint',
      'approving is impossible for the grant’s owner and after the end',
    ],
  },
  {
    says: '8. Every button’s state is the server’s answer for viewer, policy manager, admin and approver',
    by: [
      'every button is awake exactly for those whom the server lets, and no screen has a secret for anybody',
    ],
  },
  {
    says: '9. A conflict, an ended session, a lost stream, a slow and a failing server show their state and lose nothing',
    by: [
      'whoever comes second to a group is told so, and keeps what they typed',
      'of two editors the second is refused with both texts and loses none',
      'a session that ended is opened again on the spot, and what was sent goes out again',
      'a stream that breaks, and one that is refused, says so, keeps its lines and comes back',
      'a slow server is waited for, and a failing one says so and loses nothing that was typed',
      'a draft outlives a server that does not answer',
    ],
  },
  {
    says: '10. The budgets hold; pictures of the six screens are made and looked at',
    by: [
      'a slow phone opens an approval within three seconds, and warm within one and a fifth',
      'the first page loads less than 200 kB',
      'ten thousand lines of the log stay smooth, and more that come live',
      'the pictures of the six screens are there, of the size that the pages expect',
    ],
  },
];

test('each of the ten lines is held by tests that are there', () => {
  const text = ['tests', 'src/builder', 'scripts', 'src/app']
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => /\.(spec|test)\.ts$/.test(name) && name !== 'done.spec.ts')
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    )
    .concat(readFileSync('tests/done.spec.ts', 'utf8').split('test(').slice(1).join('test('))
    .join('\n');
  expect(LINES).toHaveLength(10);
  const missing = LINES.flatMap(({ by }) => by).filter((name) => !text.includes(`'${name}'`));
  expect(missing).toEqual([]);
});

test.describe('every screen is accessible in both schemes, fits a phone, and keeps to the content policy', () => {
  // One page goes through its share of the screens, with a warm cache, as a person's does.
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await pageOf(browser, house().api_key);
  });
  test.afterAll(() => page.context().close());

  for (const { path } of SCREENS) {
    test(path, async () => {
      const said = listen(page);
      await page.goto(house().control_url + path);
      await settled(page);
      expect(await faults(page, path)).toEqual([]);
      expect(said).toEqual([]);
    });
  }
});

/** What the server says of a request that it refuses: it is refused at once, and not asked again. */
const REFUSED = {
  status: 422,
  contentType: 'application/problem+json',
  json: {
    type: 'urn:countersign:problem:invalid',
    title: 'The request is not valid',
    status: 422,
    detail: 'a fault of the tests',
    code: 'invalid',
    request_id: 'req_test',
  },
};

test.describe('every list is accessible and says what it is where there is nothing, and where nothing answers', () => {
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await pageOf(browser, house().api_key);
  });
  test.afterAll(() => page.context().close());

  for (const { path, list, sums, full, empty } of SCREENS) {
    if (!list) continue;
    test(path, async () => {
      await page.unrouteAll();
      await page.route(list, (route) => route.fulfill({ json: { items: [], next: null } }));
      await page.goto(house().control_url + path);
      await settled(page);
      // Its own words, and not any that stand on the page anyway.
      expect(empty === undefined).toBe(full === true);
      const main = page.getByRole('main');
      if (empty) await expect(main.getByText(empty, { exact: true }).first()).toBeVisible();
      const found = await violations(page, `${path}, empty`);
      await page.unroute(list);
      for (const fails of sums ? [list, sums] : [list])
        await page.route(fails, (route) => route.fulfill(REFUSED));
      await page.goto(house().control_url + path);
      await settled(page);
      const alert = page.getByRole('alert').filter({ hasText: 'a fault of the tests' }).first();
      await expect(alert).toContainText('req_test');
      await expect(alert.getByRole('button', { name: 'Retry' })).toBeVisible();
      found.push(...(await violations(page, `${path}, failing`)));
      expect(found).toEqual([]);
    });
  }
});

test('an edit in Build is the same edit in JSON, and the server tells what is wrong with it', async ({
  page,
  context,
}) => {
  await act(context);
  await page.goto(`${house().control_url}/policies/finance/build`);
  await page
    .getByRole('button', { name: /^refund_payment|^create_payout/ })
    .first()
    .click();
  await page.getByRole('button', { name: '+ Requirement' }).click();
  await page.getByLabel('What the agent is told').fill('Say why.');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.reload();
  await expect(page.getByLabel('The policy as JSON')).toContainText('"on_deny": "Say why."');
  await page.getByRole('button', { name: 'Discard draft' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard draft' }).click();
  await expect(page.getByLabel('The policy as JSON')).not.toContainText('Say why.');
});
