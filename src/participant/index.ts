export * from './pod.ts';
