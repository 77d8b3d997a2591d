export * from './secure/index.ts';
