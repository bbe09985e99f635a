// Where the dashboard begins.
import './app/mantine.css';
import '@fontsource-variable/inter/wght.css';
import './app/tokens.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/query';
import { Noticed } from './app/Noticed';
import { router } from './app/routes';
import { nonce, theme } from './app/theme';

// The part that holds the page still behind a dialog writes a style, and looks for the nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce() });

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={nonce}>
        <QueryClientProvider client={queries}>
          <Noticed />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
