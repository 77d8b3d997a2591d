export {
  type ClientConfig,
  type ClientEvent,
  type ClientOutput,
  type ClientPhase,
  type ClientState,
  type ClientStep,
  startClient,
  stepClient,
} from './client.ts';
export { type Member, openSession, type Session, type SessionParameters } from './context.ts';
export { MAX_COHORT, MIN_COHORT, type Thresholds, thresholdsFor } from './parameters.ts';
export {
  readManifest,
  type ServerEvent,
  type ServerOutput,
  type ServerPhase,
  type ServerState,
  type ServerStep,
  startServer,
  stepServer,
} from './server.ts';
