// Waits for the first notice, and brings what draws it.
import { lazy, Suspense, useEffect, useState } from 'react';
import { onNotice } from './notices';

const Notices = lazy(() => import('./Notices'));

export function Noticed() {
  const [any, setAny] = useState(false);
  useEffect(() => onNotice(() => setAny(true)), []);
  if (!any) return null;
  return (
    <Suspense fallback={null}>
      <Notices />
    </Suspense>
  );
}
