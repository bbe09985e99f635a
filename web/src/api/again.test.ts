import { expect, test } from 'vitest';
import { ask, goesOn, made, settle, whoAsks } from './again';

test('a question that was closed comes back with the next thing the person does, and not by itself', async () => {
  let asked = 0;
  const end = whoAsks(() => (asked += 1));
  ask('session');
  expect(asked).toBe(1);
  settle('session', false);
  // What refreshes by itself goes on being refused.
  ask('session');
  ask('session');
  expect(asked).toBe(1);

  // Going to another page, pressing a button, sending something.
  goesOn();
  ask('session');
  expect(asked).toBe(2);
  settle('session', false);
  document.body.innerHTML = '<p>text</p><button>go</button>';
  document.querySelector('p')?.click();
  ask('session');
  expect(asked).toBe(2);
  document.querySelector('button')?.click();
  ask('session');
  expect(asked).toBe(3);
  settle('session', false);
  const sent = made('session');
  expect(asked).toBe(4);
  settle('session', true);
  expect(await sent).toBe(true);
  ask('session');
  expect(asked).toBe(5);
  end();
});
