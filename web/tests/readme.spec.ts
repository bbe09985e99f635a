// A person who has only the README: from its command to a governed and a denied call, at a person's pace.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, type Locator, test } from '@playwright/test';

/** Seconds that a person takes: for each character typed, each click, each word read. */
const TYPING = 0.2;
const CLICK = 1.2;
const WORD = 0.24;

/** What the README says to run; the program behind it says the rest. */
const README = '../README.md';

interface Demo {
  child: ChildProcess;
  /** Everything it printed. */
  said: string;
}

async function demo(): Promise<Demo> {
  const binary = process.env.COUNTERSIGN_BIN ?? '../target/debug/countersign';
  const child = spawn(binary, ['demo', '--ports', '0,0,0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      said += `${line}\n`;
      if (line.includes('Ctrl-C ends the demo')) resolve();
    });
  });
  return { child, said };
}

/** A person: slow where the machine is quick. */
class Person {
  spent = 0;

  async click(what: Locator): Promise<void> {
    this.spent += CLICK;
    await what.click();
  }

  async type(what: Locator, text: string): Promise<void> {
    this.spent += CLICK + text.length * TYPING;
    await what.fill(text);
  }

  /** Reads what stands there, once. */
  async read(what: Locator): Promise<string> {
    const text = await what.innerText();
    this.spent += text.split(/\s+/).length * WORD;
    return text;
  }

  /** Copies a command into a terminal and runs it. */
  run(command: string): string {
    this.spent += 4 * CLICK;
    return execFileSync('sh', ['-c', command], { encoding: 'utf8' });
  }
}

test('who has only the README sees a governed and a denied call in under three minutes', async ({
  page,
}) => {
  const readme = readFileSync(README, 'utf8');
  expect(readme).toContain('cargo xtask demo ');
  const { child, said } = await demo();
  try {
    const person = new Person();
    const begun = Date.now();
    // What the terminal prints is skimmed for the link.
    person.spent += 10;
    const link = /Sign in as the first admin[^\n]*\n\s+(http\S+)/.exec(said)?.[1] ?? '';
    await page.goto(link);
    await person.read(page.locator('main'));
    await person.type(page.getByLabel('Your name').or(page.getByLabel('Name')).first(), 'Ada');
    await person.type(page.getByLabel('Email'), 'ada@example.org');
    await person.type(page.getByLabel(/assword/).first(), 'correct horse battery');
    await person.click(page.getByRole('main').getByRole('button').last());

    const grant = page.getByRole('region', { name: /grant/i });
    await person.read(grant);
    await person.type(grant.getByLabel('Name', { exact: false }).first(), 'my-agent');
    const policy = grant.getByLabel(/policy/i).first();
    if (await policy.isVisible()) {
      person.spent += 2 * CLICK;
      await policy.selectOption('support');
    }
    await person.click(grant.getByRole('button', { name: 'Create grant' }));

    const calls = page.getByRole('region', { name: /call/i });
    await person.read(calls.locator('p').first());
    await person.click(calls.getByRole('button', { name: 'Show the token' }));
    const command = (name: RegExp) => calls.getByRole('region', { name }).innerText();
    expect(person.run(await command(/a call that passes: list_invoices/))).toContain('"result"');
    const told = calls.getByRole('status');
    await expect(told).toContainText('Allowed');
    await person.read(told);
    expect(person.run(await command(/a call that is denied/))).toContain('(default deny)');
    await expect(told).toContainText('Denied');
    await expect(told).toContainText('(default deny)');
    await expect(told).toContainText('You have seen an allowed and a denied call.');
    const took = person.spent + (Date.now() - begun) / 1000;
    console.log(`${took.toFixed(0)} s`);
    expect(took).toBeLessThan(180);
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
});
