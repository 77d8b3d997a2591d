export * from './blobs.ts';
export * from './broker.ts';
export * from './channel.ts';
export * from './join.ts';
export * from './link.ts';
export * from './memoryLink.ts';
export * from './mqttLink.ts';
export * from './s3Store.ts';
export { type BlobStore, SEGMENT_BYTES, type StoreOptions } from './storedBlobs.ts';
