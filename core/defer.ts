/** Calls back soon, when everything that has arrived by now has been told: `setImmediate` where there is one. */
export type Defer = (work: () => void) => void;
