// How the dashboard is built, and served while it is worked on.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.COUNTERSIGN_URL ?? 'http://127.0.0.1:7070';
const key = process.env.COUNTERSIGN_API_KEY;

/** Icons one by one: their common file names six thousand, and a build would read them all. */
const icons = {
  name: 'icons-one-by-one',
  enforce: 'pre' as const,
  transform(code: string, id: string) {
    if (id.includes('node_modules') || !/\.tsx?$/.test(id)) return undefined;
    return code.replace(/import \{([^}]*)\} from '@tabler\/icons-react';/g, (_, names: string) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '))
        .map((name) => `import ${name} from '@tabler/icons-react/dist/esm/icons/${name}.mjs';`)
        .join(' '),
    );
  },
};

export default defineConfig({
  plugins: [icons, react()],
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    // A file inlined as data: would need another content policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // What every page needs comes in one file: a phone waits for each one that it asks for.
            { name: 'first', test: /src\/main\.tsx$/, priority: 1 },
            {
              name: 'editor',
              test: /node_modules\/(@codemirror|@lezer|style-mod|w3c-keyname|crelt)/,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': {
        target: api,
        // While the dashboard is worked on, a key may stand for a signed-in person.
        headers: key ? { authorization: `Bearer ${key}` } : {},
        configure: (proxy) => proxy.on('proxyReq', (request) => request.removeHeader('origin')),
      },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
});
