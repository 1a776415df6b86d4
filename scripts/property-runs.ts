import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    propertyRuns: number;
  }
}

// A failing property prints its seed and path; give both to `fc.assert` to see the same case again.
fc.configureGlobal({ numRuns: inject('propertyRuns') });
