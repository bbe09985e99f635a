// How much work a page is, in terms that neither a busy machine nor a slow one falsifies: the time its own
// thread was really working, set right by how long the same thread takes for a known piece of work before
// and afterwards; the bytes that had to come; and how often it had to wait for an answer before it could
// ask on.
import type { CDPSession, Page } from '@playwright/test';

/** The profile of the design's slow phone: 1.6 Mbit/s, 150 ms, and a processor four times as slow. */
export const PHONE_BYTES_A_MS = 1_600_000 / 8 / 1000;
export const PHONE_ROUND_MS = 150;
export const PHONE_SLOWER = 4;

/**
 * The latency that rounds are told apart by: so long that a request which is late because the processor was
 * busy is not taken for one that had to wait for another's answer.
 */
export const COUNTING_ROUND_MS = 1_000;

/** A piece of work that is always the same; answers with how often it was done. */
const KNOWN = `(() => {
  let runs = 0;
  for (; runs < 60; runs += 1) {
    const numbers = Array.from({ length: 6000 }, (_, at) => (at * 7919) % 6007);
    numbers.sort((a, b) => a - b);
  }
  return runs;
})()`;

/** What one run of it takes on the machine that the budgets were set on, with a processor to itself, in ms. */
const KNOWN_MS = 1.4;

export class Meter {
  private readonly page: Page;
  private readonly devtools: CDPSession;

  private constructor(page: Page, devtools: CDPSession) {
    this.page = page;
    this.devtools = devtools;
  }

  static async of(page: Page): Promise<Meter> {
    const devtools = await page.context().newCDPSession(page);
    // Ticks of the thread: waiting for a processor that others have is not work.
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    return new Meter(page, devtools);
  }

  /** Milliseconds that the page's thread has worked so far. */
  async worked(): Promise<number> {
    const { metrics } = await this.devtools.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
  }

  /** How many times slower this thread works just now than on the machine that the budgets were set on. */
  async slowness(): Promise<number> {
    const before = await this.worked();
    const runs = (await this.page.evaluate(KNOWN)) as number;
    return Math.max(1, ((await this.worked()) - before) / runs / KNOWN_MS);
  }
}

interface Asked {
  began: number;
  ended?: number;
  bytes: number;
}

/** What came over the network until now, and the longest chain of requests that waited for one another. */
export class Traffic {
  private readonly asked = new Map<string, Asked>();

  /** The phone's network from now on, with this latency. */
  static async of(page: Page, latency: number): Promise<Traffic> {
    const traffic = new Traffic();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', {
      offline: false,
      latency,
      downloadThroughput: PHONE_BYTES_A_MS * 1000,
      uploadThroughput: 750_000 / 8,
    });
    devtools.on('Network.requestWillBeSent', ({ requestId, timestamp }) =>
      traffic.asked.set(requestId, { began: timestamp, bytes: 0 }),
    );
    // What the browser kept costs nothing.
    devtools.on('Network.requestServedFromCache', ({ requestId }) =>
      traffic.asked.delete(requestId),
    );
    devtools.on('Network.loadingFinished', ({ requestId, timestamp, encodedDataLength }) => {
      const one = traffic.asked.get(requestId);
      if (one) Object.assign(one, { ended: timestamp, bytes: encodedDataLength });
    });
    return traffic;
  }

  /** Begins anew. */
  clear(): void {
    this.asked.clear();
  }

  sum(): { bytes: number; rounds: number; requests: number } {
    const done = [...this.asked.values()]
      .filter((one) => one.ended !== undefined && one.bytes > 0)
      .sort((a, b) => a.began - b.began);
    const depths: number[] = [];
    done.forEach((one, at) => {
      const before = done
        .slice(0, at)
        .map((other, n) => ((other.ended ?? Infinity) <= one.began ? (depths[n] ?? 0) : 0));
      depths.push(1 + Math.max(0, ...before));
    });
    const bytes = done.reduce((sum, one) => sum + one.bytes, 0);
    return { bytes, rounds: Math.max(0, ...depths), requests: done.length };
  }
}
