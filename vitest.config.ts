import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** How often each property is tried that does not say so itself; `npm run test:long` tries 10 000 times. */
const runs = Number(process.env['FC_RUNS'] ?? 100);

const exclude = ['**/node_modules/**', '**/dist/**'];
/** Tests that leave nothing behind in their process, so that the next may run in it: it has loaded and warmed our code. */
const together = ['core', 'operators', 'sources', 'sinks'].map((folder) => `${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'together', include: together, exclude, isolate: false } },
      { extends: true, test: { name: 'alone', include: ['**/*.test.ts'], exclude: [...exclude, ...together] } },
    ],
    setupFiles: ['./scripts/test-setup.ts'],
    provide: { propertyRuns: runs },
    testTimeout: runs > 100 ? 1_800_000 : 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000, interval: 10 } },
    // Tests wait for browsers, brokers and sockets more than they compute: two at least, even on one core.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
