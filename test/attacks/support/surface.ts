/**
 * All code an attack can reach, in one namespace: tests import it as it is, and bundle it with a defence removed.
 * @module
 */
export * from '../../../src/aggregation/index.ts';
export * from '../../../src/aggregation/secure/checks.ts';
export * from '../../../src/aggregation/secure/client.ts';
export * from '../../../src/aggregation/secure/context.ts';
export * from '../../../src/aggregation/secure/graph.ts';
export * from '../../../src/aggregation/secure/masks.ts';
export * from '../../../src/aggregation/secure/messages.ts';
export * from '../../../src/aggregation/secure/parameters.ts';
export * from '../../../src/aggregation/secure/server.ts';
export * from '../../../src/aggregation/secure/sharing.ts';
export * from '../../../src/aggregation/secure/unmask.ts';
export * from '../../../src/base/index.ts';
export * from '../../../src/crypto/index.ts';
export * from '../../../src/participant/sumJournal.ts';
export * from '../../../src/protocols/secureSum/coordinatorHalf.ts';
export * from '../../../src/protocols/secureSum/nonces.ts';
export * from '../../../src/protocols/secureSum/podHalf.ts';
