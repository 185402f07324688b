import { defineConfig } from 'vitest/config'

/**
 * unit: pure functions, beside their file. integration: real Postgres, Baileys, sockets, HTTP, Deno. browser: real Chromium.
 * A file says where it belongs by its name: `*.test.ts` is unit unless it lies in a room that needs real parts.
 */
const realParts = [
  'supabase/**/*.test.ts',
  'session-host/{store,simulator,tests,dev}/**/*.test.ts',
  'edge-functions/**/*.integration.test.ts',
]
const browser = ['session-host/console/**/*.browser.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,edge-functions,session-host}/**/*.test.{ts,tsx}'],
          exclude: [...realParts, ...browser, '**/node_modules/**', '**/dist/**'],
        },
      },
      {
        test: {
          name: 'integration',
          include: realParts,
          exclude: ['**/node_modules/**', '**/dist/**'],
          globalSetup: ['supabase/local/vitest-global-setup.ts'],
          pool: 'forks',
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: browser,
          pool: 'forks',
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
