// A few words beside a control that the pointer or the focus rests on. They say nothing that a screen
// reader is not told by the control itself.
import { type ReactNode, type SyntheticEvent, useEffect, useState } from 'react';
import { createPortal } from 'react-dom';

interface Place {
  left: number;
  top: number;
  above: boolean;
}

/** Half of the widest hint, and the edge of the window that it keeps clear of. */
const HALF = 140;
const EDGE = 8;

function placeAt(box: DOMRect): Place {
  const middle = box.left + box.width / 2;
  const above = box.top > window.innerHeight / 2;
  return {
    left: Math.max(HALF + EDGE, Math.min(middle, window.innerWidth - HALF - EDGE)),
    top: above ? box.top - 6 : box.bottom + 6,
    above,
  };
}

export function Hint({ text, children }: { text: string; children: ReactNode }) {
  const [place, setPlace] = useState<Place>();
  const show = (event: SyntheticEvent) =>
    setPlace(placeAt(event.currentTarget.getBoundingClientRect()));
  const hide = () => setPlace(undefined);
  const shown = place !== undefined;
  useEffect(() => {
    if (!shown) return;
    const key = (event: KeyboardEvent) => event.key === 'Escape' && setPlace(undefined);
    const moved = () => setPlace(undefined);
    window.addEventListener('keydown', key);
    window.addEventListener('scroll', moved, true);
    return () => {
      window.removeEventListener('keydown', key);
      window.removeEventListener('scroll', moved, true);
    };
  }, [shown]);
  return (
    <span
      className="cs-hinted"
      onPointerEnter={show}
      onPointerLeave={hide}
      onPointerUp={show}
      onFocus={show}
      onBlur={hide}
    >
      {children}
      {place &&
        createPortal(
          <span
            className="cs-hint"
            data-above={place.above}
            aria-hidden
            style={{ left: place.left, top: place.top }}
          >
            {text}
          </span>,
          document.body,
        )}
    </span>
  );
}
