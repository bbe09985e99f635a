// Keys of the whole dashboard. None of them publishes or revokes anything.
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { kept } from '../lib/settings';
import { MENU } from './menu';

export const SINGLE_KEYS = 'single-keys';

/** Whether the person is typing, so that letters are letters. */
const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Whether something lies over the page that its keys would act behind. */
const covered = (): boolean =>
  document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]') !== null;

export function useKeys({ palette, list }: { palette: () => void; list: () => void }): void {
  const navigate = useNavigate();
  useEffect(() => {
    let going = 0;
    const down = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        if (!covered()) palette();
        return;
      }
      const busy = event.ctrlKey || event.metaKey || event.altKey || typing(event.target);
      if (busy || covered() || !kept(SINGLE_KEYS, true)) return;
      if (Date.now() - going < 1500) {
        going = 0;
        const page = MENU.flatMap((group) => group.pages).find(
          (entry) => entry.letter === event.key,
        );
        if (page) void navigate({ to: page.link.to });
        return;
      }
      if (event.key === 'g') going = Date.now();
      else if (event.key === '?') list();
      else if (event.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('[data-filter]');
        if (filter) event.preventDefault();
        filter?.focus();
      }
    };
    window.addEventListener('keydown', down);
    return () => window.removeEventListener('keydown', down);
  }, [navigate, palette, list]);
}
