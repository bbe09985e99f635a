// What lint holds the dashboard to.
import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.d.ts', 'test-results'] },
  js.configs.recommended,
  tseslint.configs.strict,
  jsxA11y.flatConfigs.recommended,
  {
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs['recommended-latest'].rules,
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-implied-eval': 'error',
      // The API is reached through its generated client, and nowhere else.
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'Use the generated client in src/api.' },
        { name: 'localStorage', message: 'Use src/lib/settings.ts.' },
        { name: 'sessionStorage', message: 'Nothing is kept in the session storage.' },
      ],
      // What draws them is part of no first page.
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@mantine/notifications',
              message: 'Use notice() of src/app/notices.ts.',
              allowTypeImports: true,
            },
            {
              name: '@mantine/core',
              importNames: ['Tooltip'],
              message: 'Use Hint of src/ui: it brings no library for where things float.',
            },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
  {
    files: ['scripts/**', 'tests/**', '*.config.*', 'public/**'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: { 'no-restricted-globals': 'off' },
  },
  { files: ['src/app/Notices.tsx'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['public/**'],
    languageOptions: {
      globals: { document: 'readonly', localStorage: 'readonly', matchMedia: 'readonly' },
    },
  },
);
