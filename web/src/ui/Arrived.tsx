// One view took the place of another under the same address: the focus goes where a new page begins.
import { useEffect } from 'react';

export function Arrived() {
  useEffect(() => {
    const title = document.querySelector<HTMLElement>('#content h1');
    if (!title) return;
    title.tabIndex = -1;
    title.focus();
  }, []);
  return null;
}
