// A person's browser, as far as OAuth needs one: cookies, redirects, the provider's pages and their forms.

/** What a person does on a page: fills a form in. */
const filled = (account) => ({ login: account, password: 'anything' });

export class Browser {
  #jar = new Map();

  /** Asks one address without following anything; cookies are sent and kept. */
  async ask(url, init = {}) {
    const at = new URL(url);
    const cookies = [...this.#jar.values()].filter((of) => of.host === at.host && at.pathname.startsWith(of.path));
    const headers = new Headers(init.headers);
    if (cookies.length > 0) headers.set('cookie', cookies.map((of) => `${of.name}=${of.value}`).join('; '));
    const answer = await fetch(at, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) this.#keep(at, line);
    return answer;
  }

  #keep(at, line) {
    const [pair, ...rest] = line.split(/; */);
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const said = Object.fromEntries(rest.map((part) => part.split('=')).map(([key, of = '']) => [key.toLowerCase(), of]));
    const path = said.path ?? '/';
    const key = `${at.host} ${path} ${name}`;
    const over = said['max-age'] === '0' || (said.expires !== undefined && new Date(said.expires) <= new Date());
    if (over) this.#jar.delete(key);
    else this.#jar.set(key, { host: at.host, path, name, value });
  }

  /**
   * Opens an address and goes wherever it leads: follows redirects, signs in at the provider as this account, consents.
   * Answers with the last page, and every address on the way. With `until`, stops before the first address that it holds for.
   */
  async visit(url, account, until = () => false) {
    const way = [];
    let init = {};
    for (let steps = 0; steps < 30; steps += 1) {
      way.push(url);
      if (until(url)) return { url, way };
      const answer = await this.ask(url, { ...init, headers: { accept: 'text/html' } });
      init = {};
      const location = answer.headers.get('location');
      if (location !== null) {
        await answer.body?.cancel();
        url = new URL(location, url).href;
        continue;
      }
      const text = await answer.text();
      const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(text);
      if (!answer.ok || form === null || account === undefined) return { url, way, status: answer.status, text };
      const fields = [...form[2].matchAll(/<input[^>]*>/g)].map(([input]) => ({
        name: /name="([^"]*)"/.exec(input)?.[1],
        value: /value="([^"]*)"/.exec(input)?.[1] ?? '',
      }));
      const known = filled(account);
      const body = new URLSearchParams(fields.filter((of) => of.name).map((of) => [of.name, known[of.name] ?? of.value]));
      url = new URL(form[1], url).href;
      init = { method: 'POST', body };
    }
    throw new Error(`the way has no end: ${way.join(' ')}`);
  }
}
