export * from './core/index.ts';
export * from './operators/index.ts';
