export * from './maskStream.ts';
export * from './primitives.ts';
export * from './shamir.ts';
