// Lists that a page needs whole: for counting, for choosing from, for finding a name to an id.

/** The query of a list that is wanted whole: the largest page there is, and every further one. */
export const WHOLE = { limit: 500 } as const;

/** The same as all that is asked. */
export const ALL = { params: { query: WHOLE } } as const;

/** Further pages that are read at most: beyond that the list says itself that it goes on. */
export const FURTHER = 40;

interface Page {
  items: unknown[];
  next?: string | null;
}

const isPage = (body: unknown): body is Page =>
  typeof body === 'object' && body !== null && 'items' in body && Array.isArray(body.items);

/** Whether the request asks for a list from its beginning to its end. */
export function asksForAll(request: Request): boolean {
  const { searchParams } = new URL(request.url);
  return (
    request.method === 'GET' &&
    searchParams.get('limit') === String(WHOLE.limit) &&
    !searchParams.has('after')
  );
}

/**
 * The first page with the items of those that follow it, or nothing where none follows. A page that
 * fails fails the list: half of one is never shown as the whole.
 */
export async function readOn(
  first: Response,
  request: Request,
  page: (request: Request) => Promise<Response>,
): Promise<Response | undefined> {
  const body: unknown = await first.clone().json();
  if (!isPage(body) || !body.next) return undefined;
  const items = [...body.items];
  let { next } = body as Page;
  for (let count = 0; next && count < FURTHER; count += 1) {
    const url = new URL(request.url);
    url.searchParams.set('after', next);
    const more: unknown = await (await page(new Request(url, request))).json();
    if (!isPage(more)) break;
    items.push(...more.items);
    next = more.next;
  }
  return Response.json({ ...body, items, next: next ?? null });
}
