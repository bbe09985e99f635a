// Every screen for everybody: a button is awake exactly for those whom the server lets, and no value that
// is somebody's secret reaches anybody at all. Done when 2, 6 and 8, where they are about all screens.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type APIRequestContext, type Browser, expect, type Page } from '@playwright/test';
import { house } from './house';
import { SCREENS } from './screens';
import { site } from './site';
import { asking, call, grantOf, held, pageOf, REFUND, settled, test } from './world';

interface Operations {
  [operation: string]: { allowed: boolean; role: string };
}

/** One of the four, with a page that is theirs. */
interface Person {
  who: string;
  key: string;
  page: Page;
  /** What the server says they may do. */
  operations: Operations;
  /** Where a secret was seen. */
  leaks: string[];
  /** How many answers of the API were looked through. */
  answers: number;
}

/** What the server calls an operation: its method and path. */
const CALLS = new Map(
  Object.entries(
    (
      JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as {
        paths: Record<string, Record<string, { operationId?: string; requestBody?: unknown }>>;
      }
    ).paths,
  ).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId, requestBody }]) =>
        [operationId ?? '', { method, path, body: requestBody !== undefined }] as const,
    ),
  ),
);

const ROLES: Record<string, string> = {
  viewer: 'viewer',
  policy_manager: 'policy manager',
  admin: 'admin',
};

/** Values that nobody may see: put where each of them belongs. */
const CANARY = {
  credential: `canary-of-a-credential-${process.pid}`,
  argument: `canary-of-an-argument-${process.pid}`,
};
const api = (path: string) => `${house().control_url}/api/v1${path}`;

const SERVER = ['servers_refresh', 'servers_update', 'servers_delete'];
const CREDENTIAL = ['test', 'set', 'reveal', 'remove'].map((what) => `credential_${what}`);
const GRANT = ['rotate', 'attach', 'pause', 'revoke'].map((what) => `grants_${what}`);

/** Buttons that an admin must find there, so that a screen which shows nothing is noticed. */
const BUTTONS: Record<string, string[]> = {
  '/servers': ['servers_create'],
  '/servers/payments/tools': SERVER,
  '/servers/payments/credential': [...SERVER, ...CREDENTIAL],
  '/servers/payments/connect': [...SERVER, 'recording_set'],
  '/policies': ['policies_create'],
  '/policies/support/build': ['draft_put'],
  '/policies/support/json': ['draft_put'],
  '/policies/support/tests': ['policies_test', 'policies_coverage'],
  '/policies/support/simulate': ['policies_simulate'],
  '/policies/support/simulate?view=ask': ['policies_ask'],
  '/policies/support/simulate?view=watch': ['watch_start'],
  '/grants': ['grants_issue'],
  '/grants?view=matrix': ['grants_issue'],
  '/grants/support-agent': GRANT,
  '/audit?view=evidence': ['audit_verify'],
  '/members': ['members_invite', 'members_update', 'members_link', 'members_remove'],
  '/members?tab=groups': ['groups_create', 'groups_update', 'groups_delete'],
  '/keys': ['keys_create', 'keys_revoke'],
  '/keys?tab=sealing': ['keys_rotate', 'keys_root_key'],
  '/settings': ['providers_create', 'clock_confirm'],
  '/settings/channels': ['channels_create'],
  'a call that waits': ['approvals_withdraw'],
  'a grant that was just made': GRANT,
  'a credential': [...SERVER, ...CREDENTIAL],
  'a server without tools': SERVER,
  'a policy kept in files': ['draft_put', 'policies_keep_in'],
};

let people: Person[] = [];
let secrets: string[] = [];
/** Screens about what is made here, and where they are. */
const MADE: [what: string, needs?: string][] = [
  ['a call that waits'],
  ['a call of the log'],
  ['a grant that was just made'],
  ['a credential', 'credential_get'],
  ['a server without tools'],
  ['a policy kept in files'],
];
let made: Record<string, string> = {};

/** A policy manager whom no rule asks: invited, come in, and with a key of their own. */
async function manager(request: APIRequestContext): Promise<string> {
  const send = async <T>(path: string, data: unknown) => {
    const answer = await request.post(api(path), { headers: asking(), data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return (await answer.json()) as T;
  };
  // Made anew each time: a worker that comes back to this file begins it again.
  const name = `writer-${randomUUID()}`;
  const email = `${name}@demo.example`;
  const { token } = await send<{ token: string }>('/members', { email, role: 'policy_manager' });
  const came = await request.post(api('/invites/accept'), {
    data: { token, password: 'correct horse battery' },
  });
  expect(came.ok(), await came.text()).toBe(true);
  const key = { label: name, role: 'policy_manager', member: email };
  return (await send<{ token: string }>('/api-keys', key)).token;
}

/** Puts the canaries where they belong; answers with all that is secret. */
async function hide(request: APIRequestContext): Promise<string[]> {
  const slug = `canary-${randomUUID()}`;
  const server = await request.post(api('/servers?probe=false'), {
    headers: asking(),
    data: { slug, url: 'http://127.0.0.1:9/mcp' },
  });
  expect(server.status(), await server.text()).toBe(201);
  const set = await request.put(api(`/servers/${slug}/credential`), {
    headers: asking(),
    data: { headers: { 'X-Canary': CANARY.credential } },
  });
  expect(set.ok(), await set.text()).toBe(true);
  const policy = `files-${randomUUID()}`;
  const files = await request.post(api('/policies'), {
    headers: asking(),
    data: { name: policy, text: '{"version":"1","default":"deny"}', kept_in: 'acme/policies' },
  });
  expect(files.status(), await files.text()).toBe(201);
  const waiting = await held(request, { ...REFUND, amount: 908, reason: CANARY.argument });
  const { label, token } = await grantOf(request);
  await call(request, 'support-agent', 'refund_payment', {
    ...REFUND,
    currency: 'eur',
    reason: CANARY.argument,
  });
  const listed = await request.get(api('/calls?grant=support-agent&limit=1'), {
    headers: asking(),
  });
  const { items } = (await listed.json()) as { items: { id: string }[] };
  made = {
    'a call that waits': `/approvals/${waiting.id}`,
    'a call of the log': `/logs/${items[0]?.id ?? ''}`,
    'a grant that was just made': `/grants/${label}`,
    'a credential': `/servers/${slug}/credential`,
    'a server without tools': `/servers/${slug}/tools`,
    'a policy kept in files': `/policies/${policy}/build`,
  };
  const { grants, members, api_key } = house();
  return [
    ...Object.values(CANARY),
    ...[token, api_key, ...Object.values(grants), ...Object.values(members)],
  ];
}

/** A page that is looked through for secrets, in all that comes and all that it keeps. */
async function watched(browser: Browser, who: string, key: string, secrets: string[]) {
  const page = await pageOf(browser, key);
  const answer = await page.request.get(api('/permissions'), { headers: asking(key) });
  const { operations } = (await answer.json()) as { operations: Operations };
  const person: Person = { who, key, page, operations, leaks: [], answers: 0 };
  page.on('console', (entry) => look(person, secrets, 'console', entry.text()));
  // Every answer is read before the page has it. Streams do not end, and are read on their own.
  await page.route(/\/api\/v1\//, async (route) => {
    if (new URL(route.request().url()).pathname.endsWith('/tail')) return route.continue();
    try {
      const response = await route.fetch();
      const text = await response.text();
      person.answers += 1;
      look(person, secrets, route.request().url(), text + JSON.stringify(response.headers()));
      return await route.fulfill({ response, body: text });
    } catch {
      // The page left before the answer came.
      return route.abort().catch(() => undefined);
    }
  });
  return person;
}

function look({ leaks }: Person, secrets: string[], where: string, text: string): void {
  const found = secrets.findIndex((secret) => secret !== '' && text.includes(secret));
  if (found >= 0) leaks.push(`${where} has the secret ${found}`);
}

/** All that a page keeps beyond itself. */
const kept = (page: Page) =>
  page.evaluate(async () =>
    JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
      ...[await indexedDB.databases(), 'caches' in window ? await caches.keys() : []],
    ]),
  );

/** The buttons that stand for an operation, as they are. */
const guarded = (page: Page) =>
  page.locator('[data-operation]').evaluateAll((all) =>
    all.map((one) => ({
      operation: one.getAttribute('data-operation') ?? '',
      text: one.textContent,
      asleep: one.getAttribute('aria-disabled') === 'true',
      why: document.getElementById(one.getAttribute('aria-describedby') ?? '')?.textContent ?? '',
    })),
  );

/** What is wrong with the buttons on this page, and which operations they stand for. */
async function judged({ page, operations }: Person) {
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { operation, text, asleep, why } of await guarded(page)) {
    seen.add(operation);
    const may = operations[operation];
    const needs = `This needs the role ${ROLES[may?.role ?? '']}.`;
    // Who may can still be kept waiting, for a reason that is said and is not their role.
    const right = may?.allowed
      ? !asleep || (why !== '' && !why.startsWith('This needs the role'))
      : asleep && why === needs;
    if (!right) wrong.push(`${text} (${operation}) asleep: ${asleep}, “${why}”`);
  }
  return { wrong, seen };
}

const answered = new Map<string, Promise<string>>();

/**
 * What the server says when this person really asks for the operation, of something that is not there:
 * nothing if that is what it said they may. What would change this instance for the others, because it
 * is about no one thing, is asked for only by those who may not.
 */
function asked(request: APIRequestContext, person: Person, operation: string): Promise<string> {
  const may = person.operations[operation];
  const known = CALLS.get(operation);
  if (!may || !known) return Promise.resolve(`nobody knows ${operation}`);
  const { method, path, body } = known;
  if (may.allowed && !path.includes('{') && !body) return Promise.resolve('');
  const key = `${person.who} ${operation}`;
  const again = answered.get(key);
  if (again) return again;
  const ask = async () => {
    const answer = await request.fetch(house().control_url + path.replace(/\{\w+\}/g, 'nothing'), {
      method,
      headers: asking(person.key),
      ...(body ? { data: { nothing: true } } : {}),
    });
    const { code } = (await answer.json()) as { code: string };
    const refused = answer.status() === 403 && code === 'forbidden';
    if (answer.status() < 400 || answer.status() >= 500 || refused === may.allowed)
      return `${operation} by ${person.who} is answered ${answer.status()} ${code}`;
    return '';
  };
  const answer = ask();
  answered.set(key, answer);
  return answer;
}

/** Everybody but the second policy manager. */
const differs = ({ who }: Person) => who !== 'manager';

/** Opens a screen for all of them, and says what is wrong with it. */
async function tried(
  request: APIRequestContext,
  what: string,
  path: string,
  needs?: string,
): Promise<Person[]> {
  // The approver is a policy manager too: they differ only where a call waits, and in what is theirs.
  const who = path.includes('approvals') || made[what] ? people : people.filter(differs);
  const shown = await Promise.all(
    who.map(async (person) => {
      const { page, operations } = person;
      await page.goto(house().control_url + path);
      await settled(page);
      // What nobody knows yet is asleep: the server's answer is waited for.
      await expect(page.getByText('What you may do is not known yet.')).toHaveCount(0);
      const barred = needs !== undefined && operations[needs]?.allowed === false;
      const alert = page.getByRole('alert').filter({ hasText: /^Not for your role/ });
      if (barred) await expect(alert.first()).toBeVisible();
      return { person, barred, alert };
    }),
  );
  const all = async () => {
    const wrong: string[] = [];
    const admin = shown[0] && (await judged(shown[0].person));
    for (const { person, barred, alert } of shown) {
      const { wrong: buttons, seen } = await judged(person);
      wrong.push(...buttons.map((one) => `${person.who}: ${one}`));
      if (!barred && (await alert.count()) > 0)
        wrong.push(`${person.who}: it says that it is not for them`);
      // A button that somebody may not press is dimmed, and never gone; everybody lists their own keys.
      const missing = [...(admin?.seen ?? [])]
        .filter((one) => !seen.has(one))
        .filter((one) => one !== 'keys_revoke');
      if (!barred && missing.length > 0) wrong.push(`${person.who}: without ${missing.join()}`);
      for (const operation of seen) wrong.push(await asked(request, person, operation));
    }
    const expected = (BUTTONS[what] ?? []).filter((one) => !admin?.seen.has(one));
    wrong.push(...expected.map((one) => `admin: without ${one}`));
    return wrong.filter((one) => one !== '');
  };
  await expect.poll(all, { message: path }).toEqual([]);
  return who;
}

test.describe('every button is awake exactly for those whom the server lets, and no screen has a secret for anybody', () => {
  test.beforeAll(async ({ browser, request }) => {
    secrets = await hide(request);
    const { admin, finance, viewer } = house().members;
    const keys = { admin, manager: await manager(request), approver: finance, viewer };
    secrets.push(keys.manager);
    people = await Promise.all(
      Object.entries(keys).map(([who, key]) => watched(browser, who, key ?? '', secrets)),
    );
  });
  test.afterAll(() => Promise.all(people.map(({ page }) => page.context().close())));

  /** Goes there with everybody. */
  const go = async (request: APIRequestContext, what: string, path: string, needs?: string) => {
    for (const person of people) Object.assign(person, { leaks: [], answers: 0 });
    const who = await tried(request, what, path, needs);
    for (const person of who) {
      const { page } = person;
      look(person, secrets, 'the title', await page.title());
      look(person, secrets, 'the address', page.url());
      look(person, secrets, 'the page', await page.content());
      look(person, secrets, 'what it keeps', await kept(page));
      expect(person.leaks, `${person.who} at ${path}`).toEqual([]);
      // Where there is nothing, nothing is asked for.
      const least = path === '/nowhere' ? 0 : 2;
      expect(person.answers, `answers to ${person.who} at ${path}`).toBeGreaterThanOrEqual(least);
    }
  };

  for (const { path, needs, open } of SCREENS) {
    if (!open) test(path, ({ request }) => go(request, path, path, needs));
  }
  for (const [what, needs] of MADE) {
    test(what, ({ request }) => go(request, what, made[what] ?? '', needs));
  }
  test('the buttons of a call that waits', async ({ request }) => {
    const path = made['a call that waits'] ?? '';
    for (const { who, key, page } of people) {
      await page.goto(house().control_url + path);
      await settled(page);
      const answer = await request.get(api(path), { headers: asking(key) });
      const { can_decide } = (await answer.json()) as { can_decide: boolean };
      expect(can_decide, who).toBe(who === 'approver');
      for (const name of ['Open the arguments', 'Approve…', 'Deny']) {
        const button = page.getByRole('button', { name, exact: true });
        await expect(button, `${name} for ${who}`).toHaveCount(can_decide ? 1 : 0);
      }
    }
  });
  test('the buttons of accounts at a server', async ({ request }) => {
    const orders = await site();
    try {
      for (const own of [false, true]) {
        const slug = `accounts-${randomUUID()}`;
        const server = await request.post(api('/servers?probe=false'), {
          headers: asking(),
          data: { slug, url: orders.url },
        });
        expect(server.status(), await server.text()).toBe(201);
        const set = await request.put(api(`/servers/${slug}/credential`), {
          headers: asking(),
          data: {
            oauth: {
              grant: 'authorization_code',
              client_id: 'made-there',
              client_secret: CANARY.credential,
              scopes: ['orders:read'],
              per_identity: own,
            },
          },
        });
        expect(set.ok(), await set.text()).toBe(true);
        for (const { who, key, page } of people) {
          const path = `/servers/${slug}/connections`;
          const said = await request.get(api(path), { headers: asking(key) });
          const { can } = (await said.json()) as { can: { connect: boolean } };
          // An account of one's own is everybody's; one for all is the admin's.
          expect(can.connect, who).toBe(own || who === 'admin');
          await page.goto(`${house().control_url}/servers/${slug}/connect`);
          const button = page.locator('[data-can="connect"]');
          await expect(button).toHaveCount(1);
          const asleep = (await button.getAttribute('aria-disabled')) === 'true';
          expect(asleep, `${who} at ${own ? 'their own' : 'the shared'}`).toBe(!can.connect);
          const asked = await request.post(api(path), { headers: asking(key), data: {} });
          expect(asked.status(), `${who}: ${await asked.text()}`).toBe(can.connect ? 200 : 403);
        }
      }
    } finally {
      orders.end();
    }
  });
  test('the stream of the log', async ({ request }) => {
    for (const person of people) {
      const line = new AbortController();
      const stream = await fetch(api('/calls/tail'), {
        headers: asking(person.key),
        signal: line.signal,
      });
      expect(stream.status, person.who).toBe(200);
      await call(request, 'support-agent', 'refund_payment', {
        ...REFUND,
        currency: 'eur',
        reason: CANARY.argument,
      });
      const words = new TextDecoder();
      let said = '';
      const reader = stream.body?.getReader();
      while (reader && !said.includes('refund_payment')) {
        const { value, done } = await reader.read();
        if (done) break;
        said += words.decode(value, { stream: true });
      }
      line.abort();
      expect(said, person.who).toContain('refund_payment');
      Object.assign(person, { leaks: [] });
      look(person, secrets, 'the stream', said);
      expect(person.leaks, person.who).toEqual([]);
    }
  });
});
