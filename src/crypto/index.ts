<<<<<<< HEAD
export * from './envelope.ts';
export * from './identity.ts';
=======
export * from './maskStream.ts';
>>>>>>> secagg
export * from './primitives.ts';
export * from './shamir.ts';
