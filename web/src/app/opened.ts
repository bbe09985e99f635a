// Dialogs that the address opens: a command, a colleague's link and the button lead to the same place, and
// going back closes them.
import { useLocation, useNavigate } from '@tanstack/react-router';
import type { Permission } from './can';

/** What makes something new, as it stands behind the `#` of an address. */
export const NEW = 'new';

/** Whether the dialog that makes something new on this page is open, for somebody who may. */
export function useNew(
  may: Permission,
): [open: boolean, set: { open: () => void; close: () => void }] {
  const asked = useLocation({ select: ({ hash }) => hash === NEW });
  const navigate = useNavigate();
  const go = (hash: string) =>
    void navigate({ to: '.', search: true, hash, replace: hash === '', resetScroll: false });
  return [asked && may.allowed, { open: () => go(NEW), close: () => go('') }];
}
