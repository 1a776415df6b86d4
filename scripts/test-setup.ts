import fc from 'fast-check';
import { inject, vi } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    propertyRuns: number;
  }
}

// A failing property prints its seed and path; give both to `fc.assert` to see the same case again.
fc.configureGlobal({ numRuns: inject('propertyRuns') });

// What is waited for comes later on a busy machine, and a second would measure that machine; a test that fails by
// waiting fails by its own time limit all the same.
const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: 30_000, interval: 10, ...options });
