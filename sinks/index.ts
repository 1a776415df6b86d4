export type { OscHints, OscSinkOptions, OscTarget } from './osc.ts';
export { oscSink } from './osc.ts';
