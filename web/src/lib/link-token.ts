// The token of a link, taken out of the address at once: it stays in no history and no screenshot.
import { useEffect, useState } from 'react';

const inAddress = (): string =>
  location.hash.slice(1) || (new URLSearchParams(location.search).get('token') ?? '');

/** The token, and how it is forgotten once it is used. */
export function useLinkToken(): [string, () => void] {
  const [token, setToken] = useState(inAddress);
  useEffect(() => {
    if (inAddress()) history.replaceState(history.state, '', location.pathname);
  }, []);
  return [token, () => setToken('')];
}
