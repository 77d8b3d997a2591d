/**
 * Every message between coordinator and pod, as one schema each. Names follow the platform's message flow
 * (JOB_REQUEST, TRAINING_UPDATE, …) where it has one. Bodies are CBOR; the header carries run, round and phase.
 * @module
 */
import { z } from 'zod';
import { fromCbor, toCbor } from './codec.ts';

const Bytes = z.custom<Uint8Array>((b) => b instanceof Uint8Array, 'expected bytes');
const Bytes32 = z.custom<Uint8Array>((b) => b instanceof Uint8Array && b.length === 32, 'expected 32 bytes');
const Signature = z.custom<Uint8Array>((b) => b instanceof Uint8Array && b.length === 64, 'expected 64 bytes');
const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Name = z.string().min(1).max(70);

/** A large byte string that its receiver pulls in chunks; `id` is its SHA-256 in hexadecimal. */
export const BlobRefSchema = z.strictObject({ id: Hash, bytes: z.int().min(0) });
export type BlobRef = z.infer<typeof BlobRefSchema>;

/** A pod's answer to a task request (the platform's response types). */
export const JOB_RESPONSES = [
  'NO_ACCESS',
  'INVALID_PROOF_OF_IDENTITY',
  'UNAUTHORISED',
  'NO_PROOF_OF_IDENTITY',
  'NO_DATA',
  'INCOMPATIBLE_DATASOURCE',
  'TASK_SETUP_ERROR',
  'TASK_TIMEOUT',
] as const;
export type JobResponse = (typeof JOB_RESPONSES)[number];

/** Why a run ended for a pod before it was complete. */
export const ABORT_REASONS = [
  'WORKER_ERROR',
  'CANCELLED',
  'COHORT_TOO_SMALL',
  'LIMITS_EXCEEDED',
  'NO_NEW_DATA',
  'PROTOCOL',
  /** A pod was sent something of a run that it does not have (any longer): it may be asked to take part anew. */
  'UNKNOWN_RUN',
] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

/**
 * What an aggregation is for: each is one weighted sum over the cohort. `range` comes before an update whose clips or blocks are
 * agreed on; `analysis` is one of the sums of a task that asks, numbered by `completed`.
 */
export const PURPOSES = ['statistics', 'range', 'update', 'evaluation', 'analysis'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Public parameters of the masked vector; every pod checks them and they are hashed into every mask key. */
const SecureParametersSchema = z.strictObject({
  /** Clip bound per coordinate of an update. */
  clip: z.number().positive(),
  /** Upper bound on one pod's sample count. */
  maxWeight: z.int().positive(),
  /** Largest cohort the quantiser leaves room for. */
  cohort: z.int().min(1).max(1000),
  /** Bits of a coordinate of an update. Default 32. */
  bits: z.int().min(8).max(32).optional(),
  /** Default nearest. */
  rounding: z.enum(['nearest', 'stochastic']).optional(),
  /** Upper bound on the sample count of all pods together. Default cohort·maxWeight. */
  maxTotalWeight: z.int().positive().optional(),
  /** Agreed clips of stretches of the update, in order, instead of `clip`. */
  clips: z
    .array(z.strictObject({ length: z.int().positive(), clip: z.number().positive() }))
    .max(20_000)
    .optional(),
  /** Public seed of the update's rotation. */
  rotation: Bytes32.optional(),
  /** Which blocks of 64 parameters the update is, as a bitmap; absent when it is all of them. */
  blocks: Bytes.optional(),
});
export type SecureParameters = z.infer<typeof SecureParametersSchema>;

const RosterSchema = z.array(z.strictObject({ name: Name, public: z.string().max(300) })).max(1000);

const MessageSchema = z.discriminatedUnion('type', [
  // ── admission ────────────────────────────────────────────────────────────────────────────────────────────────
  z.strictObject({ type: z.literal('ONLINE_CHECK') }),
  z.strictObject({
    type: z.literal('ONLINE_RESPONSE'),
    version: z.string().max(32),
    datasets: z.array(z.strictObject({ name: Name, schema: z.string().max(1 << 19) })).max(100),
  }),
  z.strictObject({
    type: z.literal('JOB_REQUEST'),
    /** The task as JSON, without anything local to the modeller. */
    task: z.string().max(1 << 19),
    dataset: Name,
    /** Of tasks with a model. */
    model: BlobRefSchema.optional(),
    roster: RosterSchema,
  }),
  z.strictObject({
    type: z.literal('JOB_ACCEPT'),
    /** The pod has had this run before, and has kept all of it, the round it is in included. Default false. */
    continues: z.boolean().optional(),
  }),
  /** The pod takes no rounds of this run for now, and says JOB_ACCEPT when it does. */
  z.strictObject({
    type: z.literal('JOB_QUEUED'),
    /** Place in the pod's queue, from 1; 0 when it has the run and the site has paused the pod. */
    position: z.int().min(0),
    /** The site has paused the pod. Default false. */
    paused: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('JOB_REJECT'), response: z.enum(JOB_RESPONSES), reason: z.string().max(4000) }),
  // ── rounds ───────────────────────────────────────────────────────────────────────────────────────────────────
  z.strictObject({
    type: z.literal('ROUND_START'),
    purpose: z.enum(PURPOSES),
    /** Rounds of this purpose completed so far: says how much of the training budget is left. */
    completed: z.int().min(0),
    /** Global parameters to start from, float32, absent for statistics; of an analysis, what earlier sums have said, as JSON. */
    parameters: BlobRefSchema.optional(),
    /** Federated mean and scale per feature, float32, once they are known. */
    standardiser: z.strictObject({ mean: Bytes, scale: Bytes }).optional(),
    secure: SecureParametersSchema.optional(),
    /** Update rounds with differential privacy: largest L2 norm of an update in this round. */
    clipNorm: z.number().positive().max(1e9).optional(),
  }),
  z.strictObject({ type: z.literal('PROGRESS'), done: z.int().min(0), total: z.int().min(0) }),
  /** Secure mode: the local work is done and the pod is ready to take part in a sum. */
  z.strictObject({
    type: z.literal('TRAINING_COMPLETE'),
    purpose: z.enum(PURPOSES),
    /** To the pod's nonce for the neighbour graph of each attempt, 32 bytes each. */
    commitments: z.array(Bytes32).length(4),
  }),
  z.strictObject({
    type: z.literal('TRAINING_UPDATE'),
    purpose: z.enum(PURPOSES),
    /** Plain mode: float64 sums in the slot order of the purpose. */
    input: BlobRefSchema,
  }),
  /** One step of secure aggregation; `body` is the state machine's own bytes, `vector` the masked input. */
  z.strictObject({
    type: z.literal('SECURE_SHARE'),
    purpose: z.enum(PURPOSES),
    attempt: z.int().min(0).max(65535),
    body: Bytes,
    vector: BlobRefSchema.optional(),
  }),
  /** Opens attempt `attempt`: who takes part in it. Sent before the machines exchange anything. */
  z.strictObject({
    type: z.literal('SECURE_OPEN'),
    purpose: z.enum(PURPOSES),
    attempt: z.int().min(0).max(65535),
    cohort: z.array(Name).max(1000),
    /** To the nonces of the cohort, in its order; empty where everybody shares with everybody. */
    commitments: z.array(Bytes32).max(1000),
  }),
  z.strictObject({
    type: z.literal('EVALUATION_RESULTS'),
    rows: z.int().min(0),
    metrics: z.record(z.string().max(64), z.number().nullable()),
  }),
  /** A pod's own result of a task that asks, as JSON; without one when it stays at the pod. */
  z.strictObject({
    type: z.literal('ANALYSIS_RESULT'),
    result: BlobRefSchema.optional(),
    /** Of an evaluation: the pod's signature, see `siteEvaluation.ts`. */
    signature: Signature.optional(),
    /** The model that the pod has trained, where its site gives it away; see `localModel.ts`. */
    model: z.strictObject({ file: BlobRefSchema, signature: Signature }).optional(),
    /** Of an evaluation: score and label of each row, where the site gives them; see `exactScores.ts`. */
    scores: BlobRefSchema.optional(),
  }),
  /** The pod's signature for the final parameters, see `resultDigest.ts`. */
  z.strictObject({ type: z.literal('RESULT_STATEMENT'), parameters: Hash, signature: Signature }),
  // ── end ──────────────────────────────────────────────────────────────────────────────────────────────────────
  z.strictObject({
    type: z.literal('TASK_COMPLETE'),
    /** SHA-256 of the final parameters, and which pods have signed that these are what they were given. */
    result: z
      .strictObject({
        parameters: Hash,
        statements: z.array(z.strictObject({ name: Name, signature: Signature })).max(1000),
      })
      .optional(),
  }),
  z.strictObject({ type: z.literal('TASK_ABORT'), reason: z.enum(ABORT_REASONS), message: z.string().max(4000) }),
  // ── blobs ────────────────────────────────────────────────────────────────────────────────────────────────────
  z.strictObject({
    type: z.literal('BLOB_GET'),
    id: z.string().length(64),
    index: z.int().min(0),
    /** The reader can fetch from a blob store: the owner may answer with BLOB_AT. Default false. */
    store: z.boolean().optional(),
  }),
  /** `bytes` is absent when the owner does not (any longer) have the blob. */
  z.strictObject({
    type: z.literal('BLOB_CHUNK'),
    id: z.string().length(64),
    index: z.int().min(0),
    bytes: Bytes.optional(),
  }),
  /** The blob is in the store that both sides know, sealed under `key`. */
  z.strictObject({
    type: z.literal('BLOB_AT'),
    id: z.string().length(64),
    object: z.string().regex(/^[0-9a-f]{32}$/),
    key: Bytes32,
  }),
]);

export type Message = z.infer<typeof MessageSchema>;
export type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>;

/** Canonical bytes of a message. */
export function encodeMessage(message: Message): Uint8Array {
  return toCbor(message);
}

/** @throws KonsilError PROTOCOL_VIOLATION naming the wrong field. */
export function decodeMessage(bytes: Uint8Array): Message {
  return fromCbor(MessageSchema, bytes, 'message');
}
