// Browser tests: the installed Chromium against a real demo of the program.
import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env.CHROMIUM ?? places.find((place) => existsSync(place));

export default defineConfig({
  testDir: 'tests',
  globalSetup: './tests/house.ts',
  outputDir: 'test-results',
  fullyParallel: true,
  workers: 2,
  // A machine that builds and tests other things meanwhile is slow, not wrong: these only end what hangs.
  timeout: 300_000,
  expect: { timeout: 40_000 },
  reporter: 'list',
  use: {
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      // A container has no user of its own to sandbox with; the pages are ours alone.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
    },
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    trace: 'off',
  },
});
