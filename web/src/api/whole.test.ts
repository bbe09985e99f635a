import { expect, test } from 'vitest';
import { asksForAll, FURTHER, readOn, WHOLE } from './whole';

const ask = (query: string) => new Request(`http://here.test/api/v1/grants?${query}`);
const first = (next: string | null) => Response.json({ items: [0], next });

test('a list of many pages arrives as one, each page once and in order', async () => {
  const asked: (string | null)[] = [];
  const whole = await readOn(first('a'), ask(`limit=${WHOLE.limit}&state=all`), async (further) => {
    const query = new URL(further.url).searchParams;
    expect(query.get('state')).toBe('all');
    asked.push(query.get('after'));
    return Response.json(
      query.get('after') === 'a' ? { items: [1], next: 'b' } : { items: [2], next: null },
    );
  });
  expect(asked).toEqual(['a', 'b']);
  expect(await whole?.json()).toEqual({ items: [0, 1, 2], next: null });
});

test('one page is left as it came, and so is what is no list', async () => {
  const never = () => Promise.reject(new Error('no further page was to be read'));
  expect(await readOn(first(null), ask('limit=500'), never)).toBeUndefined();
  expect(await readOn(Response.json({ next: 'a' }), ask('limit=500'), never)).toBeUndefined();
});

test('a page that fails fails the list', async () => {
  const fails = () => Promise.reject(new Error('gone'));
  await expect(readOn(first('a'), ask('limit=500'), fails)).rejects.toThrow('gone');
});

test('a list without end stops, and says that it goes on', async () => {
  let pages = 0;
  const whole = await readOn(first('a'), ask('limit=500'), async () => {
    pages += 1;
    return Response.json({ items: [pages], next: 'a' });
  });
  const body = (await whole?.json()) as { items: number[]; next: string };
  expect([pages, body.items.length, body.next]).toEqual([FURTHER, FURTHER + 1, 'a']);
});

test('only a list from its beginning is read on', () => {
  expect(asksForAll(ask('limit=500'))).toBe(true);
  for (const query of ['limit=200', 'limit=500&after=a', ''])
    expect(asksForAll(ask(query))).toBe(false);
  const sent = new Request('http://here.test/api/v1/grants?limit=500', { method: 'POST' });
  expect(asksForAll(sent)).toBe(false);
});
