// Something on the page is shown once and nobody has said that it is stored: going away asks first.
import { useBlocker } from '@tanstack/react-router';
import { states } from '../text/shell';
import { Confirm } from './Confirm';

/** Asks before the page is left, within the dashboard or out of it, while `unsaved`. */
export function Leaving({ unsaved }: { unsaved: boolean }) {
  const { status, proceed, reset } = useBlocker({
    // Another tab or dialog of the same page keeps what is on it.
    shouldBlockFn: ({ current, next }) => unsaved && current.pathname !== next.pathname,
    enableBeforeUnload: unsaved,
    withResolver: true,
  });
  return (
    <Confirm
      open={status === 'blocked'}
      close={() => reset?.()}
      title={states.leaving.title}
      text={states.leaving.text}
      go={states.leaving.go}
      pending={false}
      error={undefined}
      onGo={() => proceed?.()}
    />
  );
}
