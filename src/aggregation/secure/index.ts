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
export { isSparse, type Member, openSession, PROTOCOL_LABEL, type Session, type SessionParameters } from './context.ts';
export { commitNonce, GRAPH_NONCE_BYTES } from './graph.ts';
export { type MessageSizes, messageSizes, messageTotals } from './messageSizes.ts';
export {
  COMPLETE_UP_TO,
  type CohortAssumptions,
  failureBits,
  LIVENESS_BITS,
  MAX_COHORT,
  MIN_COHORT,
  SECRECY_BITS,
  type Thresholds,
  thresholdsFor,
} from './parameters.ts';
export { hashPublicParameters, type PublicParameters } from './publicParameters.ts';
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
export { type CheckedPod, checkTranscript, type TranscriptReport } from './transcript/checkTranscript.ts';
export {
  acceptedEntry,
  parseLine,
  parseTranscript,
  TRANSCRIPT_FORMAT,
  TRANSCRIPT_PHASES,
  type Transcript,
  type TranscriptEntry,
  type TranscriptParties,
  type TranscriptPhase,
  transcriptLine,
  transcriptSession,
} from './transcript/lines.ts';
