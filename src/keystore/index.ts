export * from './keyFile.ts';
export * from './peers.ts';
