import { QueryObserver } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { Queries } from './query';

/** A server whose answers come when they are let through; each says what was so when it was asked. */
function slow() {
  const waiting: (() => void)[] = [];
  const now = { said: 'before' };
  const ask = async ({ signal }: { signal: AbortSignal }) => {
    const { said } = now;
    await new Promise<void>((go) => waiting.push(go));
    signal.throwIfAborted();
    return said;
  };
  return { now, ask, waiting };
}

const settled = () => new Promise((go) => setTimeout(go, 0));

test('a first answer from before a change is not shown after it', async () => {
  const client = new Queries();
  const server = slow();
  const tools = new QueryObserver(client, { queryKey: ['get', 'tools'], queryFn: server.ask });
  const end = tools.subscribe(() => undefined);
  expect(server.waiting).toHaveLength(1);

  server.now.said = 'after';
  const invalidated = client.invalidateQueries({ queryKey: ['get'] });
  // Asked again at once, and what was asked before comes last.
  expect(server.waiting).toHaveLength(2);
  server.waiting[1]?.();
  await invalidated;
  server.waiting[0]?.();
  await settled();
  expect(tools.getCurrentResult().data).toBe('after');
  expect(tools.getCurrentResult().error).toBeNull();
  end();
});

test('what nobody looks at is asked when somebody does', async () => {
  const client = new Queries();
  const server = slow();
  void client.prefetchQuery({ queryKey: ['get', 'tools'], queryFn: server.ask });
  server.now.said = 'after';
  await client.invalidateQueries();
  server.waiting[0]?.();
  await settled();
  expect(client.getQueryData(['get', 'tools'])).toBeUndefined();
  const read = client.fetchQuery({ queryKey: ['get', 'tools'], queryFn: server.ask });
  server.waiting[1]?.();
  expect(await read).toBe('after');
});

test('another list that is on its way is left alone', async () => {
  const client = new Queries();
  const server = slow();
  const grants = new QueryObserver(client, { queryKey: ['get', 'grants'], queryFn: server.ask });
  const end = grants.subscribe(() => undefined);
  await client.invalidateQueries({ queryKey: ['get', 'tools'] });
  expect(server.waiting).toHaveLength(1);
  server.waiting[0]?.();
  await settled();
  expect(grants.getCurrentResult().data).toBe('before');
  end();
});
