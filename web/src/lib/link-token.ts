// The token of a link, taken out of the address at once: it stays in no history and no screenshot.
import { useEffect, useState } from 'react';

const inAddress = (): string =>
  location.hash.slice(1) || (new URLSearchParams(location.search).get('token') ?? '');

export function useLinkToken(): string {
  const [token] = useState(inAddress);
  useEffect(() => {
    if (inAddress()) history.replaceState(history.state, '', location.pathname);
  }, []);
  return token;
}
