// Tokens end while agents call; consents are taken back; the process dies in the middle of a refresh.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Instance } from './instance.mjs';
import { connect, connected, scene } from './scene.mjs';
import { CANARY } from './upstream.mjs';

/** How many agents call at once. */
const AGENTS = 64;

let instance;
const scenes = [];
const open = async (slug, settings) => {
  const made = await scene(instance, slug, settings);
  scenes.push(made);
  return made;
};

before(async () => {
  instance = await Instance.start();
});

after(async () => {
  for (const of of scenes) of.close();
  await instance?.stop();
});

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Nothing an upstream says of a token reaches an agent: no status, no challenge, no word. */
function unharmed(agents, answers) {
  for (const { seen } of agents) {
    for (const { status, headers } of seen) {
      assert.ok(status !== 401 && status !== 403, `an agent saw ${status}`);
      assert.deepEqual(headers.filter(([name]) => name === 'www-authenticate'), []);
    }
  }
  assert.ok(!JSON.stringify(answers).includes(CANARY));
}

test(`${AGENTS} agents call while tokens end again and again: one refresh for each end, no failed call`, async (t) => {
  // Long enough that a call of 64 on a busy machine is not still on its way when its token ends again.
  const life = 6;
  const { slug, provider, server } = await open('busy', { life });
  const token = await connected(instance, slug);
  const agents = await Promise.all(Array.from({ length: AGENTS }, () => instance.agent(slug, token)));
  const answers = [];
  const once = (agent) => agent.call().then((answer) => answers.push(answer), (error) => answers.push({ failed: true, text: error.message }));

  // Without a pause, through several lives of a token.
  const until = Date.now() + 3 * life * 1000;
  await Promise.all(
    agents.map(async (agent) => {
      while (Date.now() < until) {
        await once(agent);
        await wait(150);
      }
    }),
  );
  const steady = provider.asked.filter((of) => of.given);
  const ends = steady.length - 1;
  assert.ok(ends >= 2, `tokens ended ${ends} times`);
  for (const [at, of] of steady.entries()) {
    if (at === 0) continue;
    const lived = of.at - steady[at - 1].at;
    // A fifth of its life ahead, less what a busy machine needs for the answer: never two for one end.
    assert.ok(lived >= life * 500, `a token was got anew after ${lived} ms of ${life * 1000}`);
  }

  // All at once at a token that is over, by the clock and by the provider's word.
  for (const end of [() => wait(life * 1000 + 100), provider.endAccessTokens]) {
    await end();
    const before = provider.refreshes();
    await Promise.all(agents.map(once));
    assert.equal(provider.refreshes() - before, 1);
  }

  assert.deepEqual(answers.filter((of) => of.failed || of.text !== 'ada'), []);
  assert.equal(provider.refreshes(false), 0);
  const used = provider.asked.map((of) => of.token).filter(Boolean);
  assert.equal(new Set(used).size, used.length, 'no refresh token was used twice');
  unharmed(agents, answers);
  t.diagnostic(`${answers.length} calls, ${provider.refreshes()} refreshes, ${server.served.refused} refused by the server`);
  for (const agent of agents) await agent.close();
});

test('a consent that was taken back refuses calls with its own reason until somebody connects again', async () => {
  const { slug, provider, server } = await open('revoked');
  const token = await connected(instance, slug);
  const agent = await instance.agent(slug, token);
  assert.equal((await agent.call()).text, 'ada');
  await provider.revokeConsents();
  const answers = [];
  for (let times = 0; times < 3; times += 1) answers.push(await agent.call());
  for (const { failed, text, result } of answers) {
    assert.equal(failed, true);
    assert.match(text, /^\[CONNECTION REQUIRED\] The account at `revoked` must be connected again\. An administrator does so at /);
    assert.ok(text.includes(`${instance.url}/servers/${slug}/connect`), text);
    assert.ok(JSON.stringify(result._meta).includes('reconnect_required'), JSON.stringify(result));
  }
  unharmed([agent], answers);
  assert.equal(provider.refreshes(false), 1, 'the provider is asked once, and then left alone');
  const refused = server.served.refused;
  await agent.call();
  assert.equal(server.served.refused, refused, 'and so is the server');

  const connection = await instance.connection(slug);
  assert.deepEqual([connection.state, connection.reason, connection.identity], ['reconnect', 'revoked', '']);
  // The outcome is written after the answer.
  let line = '';
  for (let look = 0; look < 50 && !line.includes('reconnect_required'); look += 1) {
    if (look > 0) await wait(100);
    const { items } = await instance.admin('GET', '/calls?limit=1');
    line = JSON.stringify(items[0]);
  }
  assert.match(line, /reconnect_required/);

  await connect(instance, slug);
  assert.equal((await agent.call()).text, 'ada');
  assert.equal((await instance.connection(slug)).state, 'connected');
  await agent.close();
});

/** Whether no thread of a process runs any more. */
function isStopped(pid) {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) => / [Tt] /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8').replace(/^.*\)/s, '')));
}

/**
 * Kills the instance when new tokens have reached it and are not stored: it is stopped before their last bytes are sent,
 * takes them in without running, and is ended for good.
 */
function killWithTokensInHand(provider) {
  return new Promise((killed) => {
    provider.faultOnce((response) => {
      const { pid } = instance;
      process.kill(pid, 'SIGSTOP');
      // A signal takes its time to reach every thread, and one that still runs could store what comes now.
      while (!isStopped(pid));
      response.once('finish', async () => {
        await wait(100);
        process.kill(pid, 'SIGKILL');
        killed();
      });
    });
  });
}

for (const [grace, what] of [
  [3_600, 'survives where the provider takes the older token for a while'],
  [0, 'says that it was lost where the provider takes no token twice, and does not try for ever'],
]) {
  test(`a connection whose refresh died between receipt and storing ${what}`, async () => {
    const life = 2;
    const { slug, provider } = await open(grace > 0 ? 'forgiving' : 'strict', { life, grace });
    const token = await connected(instance, slug);
    const agent = await instance.agent(slug, token);
    assert.equal((await agent.call()).text, 'ada');
    await wait(life * 1000 + 100);
    const before = provider.refreshes();
    const killed = killWithTokensInHand(provider);
    const cut = agent.call().then(
      () => assert.fail('nobody was there to answer'),
      (error) => error,
    );
    await killed;
    assert.equal(await instance.gone(), 'SIGKILL');
    await cut;
    assert.equal(provider.refreshes() - before, 1, 'tokens were given');

    await instance.again();
    const [older, newer] = [agent, await instance.agent(slug, token).catch((error) => error)];
    await older.close().catch(() => {});
    if (grace > 0) {
      assert.equal((await newer.call()).text, 'ada');
      assert.equal((await instance.connection(slug)).state, 'connected');
      const [first, second] = provider.asked.slice(-2).map((of) => of.token);
      assert.equal(first, second, 'the older token was taken once more');
      await newer.close();
      return;
    }
    assert.match(newer.message, /CONNECTION REQUIRED.*must be connected again/);
    const connection = await instance.connection(slug);
    assert.deepEqual([connection.state, connection.reason], ['reconnect', 'refresh_lost']);
    for (let times = 0; times < 5; times += 1) await assert.rejects(instance.agent(slug, token), /must be connected again/);
    assert.equal(provider.refreshes(false), 1, 'it was tried once');
    await connect(instance, slug);
    const mended = await instance.agent(slug, token);
    assert.equal((await mended.call()).text, 'ada');
    await mended.close();
  });
}

test('no token is in the log', () => {
  const log = instance.log();
  for (const { provider } of scenes) for (const { token } of provider.asked) assert.ok(token === undefined || !log.includes(token));
});
