// What is wrong with a page as it stands: for axe in both schemes, and at the widths of phones.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Waits until nothing moves any more: colours that still fade are those of neither scheme. */
async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const ending = document
      .getAnimations()
      .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    // One that is broken off, because what it moved is gone or moves elsewhere, is over as well.
    await Promise.allSettled(ending.map((one) => one.finished));
  });
}

/** What axe finds here: every rule in light, and in dark what colours decide. */
export async function violations(page: Page, where: string): Promise<string[]> {
  const found: string[] = [];
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await expect(page.locator(`html[data-mantine-color-scheme="${scheme}"]`)).toBeAttached();
    await still(page);
    // No page holds a frame, so none is opened to gather what frames found.
    const axe = new AxeBuilder({ page }).setLegacyMode(true);
    if (scheme === 'light') axe.withTags(WCAG);
    else axe.withRules(['color-contrast', 'link-in-text-block']);
    for (const { id, nodes } of (await axe.analyze()).violations) {
      const what = nodes.map((node) => node.html.slice(0, 200)).join(' | ');
      found.push(`${where}, ${scheme}: ${id}: ${what}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  return found;
}

/** What a finger presses or fills in: links in running text and what only a mouse sees are none of it. */
const PRESSED = [
  ...['button', 'input', 'select', 'textarea', 'summary'],
  ...['[role="button"]', '[role="tab"]', '[role="switch"]', '[role="menuitem"]'],
].join(', ');

/** What is too small for fingers, in a window as wide as a phone. */
export async function small(page: Page, where: string): Promise<string[]> {
  return page.evaluate(
    ([pressed, at]) =>
      [...document.querySelectorAll<HTMLElement>(pressed)]
        .filter((node) =>
          node.checkVisibility({ visibilityProperty: true, opacityProperty: false }),
        )
        .filter((node) => !node.closest('[aria-hidden="true"], [hidden], .cm-editor'))
        .map((node) => {
          // A box with words beside it is pressed by either.
          const ticked = node.matches('[type="checkbox"], [type="radio"], [role="switch"]');
          const words = ticked ? (node as HTMLInputElement).labels?.[0] : undefined;
          return { node, box: (words ?? node).getBoundingClientRect() };
        })
        .filter(
          ({ box }) => box.width > 0 && box.height > 0 && (box.height < 43.5 || box.width < 43.5),
        )
        .map(
          ({ node, box }) =>
            `${at}: ${Math.round(box.width)} × ${Math.round(box.height)} px: ${node.outerHTML.slice(0, 160)}`,
        ),
    [PRESSED, where] as const,
  );
}

/** What hangs over the side of a narrow window, or is too small for the fingers of whoever holds it. */
export async function overhang(page: Page, where: string): Promise<string[]> {
  const found: string[] = [];
  const before = page.viewportSize();
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    const over = () =>
      page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await expect
      .poll(over)
      .toBeLessThanOrEqual(0)
      .catch(async () => found.push(`${where} at ${width}: ${await over()} px too wide`));
    if (width !== 390) continue;
    // What the width changes is drawn anew a moment later, even where nobody wants motion.
    await still(page);
    found.push(...(await small(page, `${where} at ${width}`)));
  }
  if (before) await page.setViewportSize(before);
  return found;
}

/** Both. */
export async function faults(page: Page, where: string): Promise<string[]> {
  return [...(await violations(page, where)), ...(await overhang(page, where))];
}
