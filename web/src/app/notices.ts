// Notices of what was done. What draws them is loaded with the first one, and not with the first page.
import type { NotificationData } from '@mantine/notifications';

let wake: (() => void) | undefined;

/** Whoever draws notices is told when there is one to draw. */
export function onNotice(draw: () => void): () => void {
  wake = draw;
  return () => {
    wake = undefined;
  };
}

/** Tells the person, at the edge of the screen and for a few seconds, what was done. */
export function notice(data: NotificationData): void {
  wake?.();
  void import('@mantine/notifications').then(({ notifications }) => notifications.show(data));
}
