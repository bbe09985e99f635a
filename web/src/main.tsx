// Where the dashboard begins.
import './app/mantine.css';
import '@fontsource-variable/inter/wght.css';
import './app/tokens.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/query';
import { router } from './app/routes';
import { nonce, theme } from './app/theme';

/** Nothing is noticed before something was done. */
const Notices = lazy(() => import('./app/Notices'));

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={nonce}>
        <QueryClientProvider client={queries}>
          <Suspense fallback={null}>
            <Notices />
          </Suspense>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
