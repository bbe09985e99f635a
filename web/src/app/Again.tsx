// Waits for requests that a person can make good, and brings the dialog when there is one.
import { useLocation } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { goesOn, type Missing, settle, whoAsks } from '../api/again';

const AgainDialog = lazy(() => import('./AgainDialog'));

export function Again() {
  const [missing, setMissing] = useState<Missing>();
  useEffect(() => whoAsks(setMissing), []);
  const href = useLocation({ select: (location) => location.href });
  useEffect(goesOn, [href]);
  if (!missing) return null;
  return (
    <Suspense fallback={null}>
      <AgainDialog
        missing={missing}
        end={(good) => {
          setMissing(undefined);
          settle(missing, good);
        }}
      />
    </Suspense>
  );
}
