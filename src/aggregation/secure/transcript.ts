/**
 * What the coordinator saw and said in one attempt, as JSON lines: the session's parameters, every message verbatim with
 * who, when and in which phase, and how it ended. `transcriptCheck.ts` checks one.
 *
 * Masked vectors are named by their hashes. Released shares are cut out of release messages unless the whole transcript
 * is asked for (see docs/reference/secure-aggregation.md, section 16): such a message keeps its header, its pods and its kinds
 * of shares, and the hash of the message it was.
 * @module
 */
import { z } from 'zod';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import type { Session } from './context.ts';
import { peekMessage } from './messages.ts';

export const TRANSCRIPT_FORMAT = 'konsil-transcript-v1';

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
const Bytes = z.base64().transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'base64')));
const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Fraction = z.number().min(0).max(1);

const SessionLine = z.strictObject({
  type: z.literal('session'),
  format: z.literal(TRANSCRIPT_FORMAT),
  at: z.string(),
  runId: z.string(),
  round: z.int(),
  attempt: z.int(),
  purpose: z.string(),
  /** Public identity, as `konsil keys export` prints it. */
  coordinator: z.string(),
  roster: z.array(z.strictObject({ name: z.string(), public: z.string(), commitment: Hash.optional() })),
  minimum: z.int(),
  assumptions: z.strictObject({
    graph: z.enum(['auto', 'complete']).optional(),
    colluding: Fraction.optional(),
    dropouts: Fraction.optional(),
  }),
  shape: z.array(z.strictObject({ bits: z.union([z.literal(8), z.literal(16), z.literal(32)]), length: z.int() })),
  wireBytes: z.int(),
  publicHash: Hash,
  base: Hash,
  ctx: Hash,
});

const Phase = z.enum(['advertise', 'share', 'upload', 'sign', 'release', 'done', 'failed']);
const EntryLine = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('sent'),
    at: z.string(),
    phase: Phase,
    to: z.array(z.string()).min(1),
    message: Bytes,
  }),
  z.strictObject({
    type: z.literal('received'),
    at: z.string(),
    phase: Phase,
    from: z.string(),
    message: Bytes,
    /** SHA-256 of the masked vector that came with a manifest. */
    vector: Hash.optional(),
    /** SHA-256 of the message with its shares, where they are cut out of `message`. */
    whole: Hash.optional(),
    /** Why it was refused; it then counts for nothing. */
    refused: z.string().optional(),
  }),
  z.strictObject({ type: z.literal('lost'), at: z.string(), phase: Phase, pod: z.string() }),
  z.strictObject({
    type: z.literal('outcome'),
    at: z.string(),
    survivors: z.array(z.string()).optional(),
    failed: z.string().optional(),
    spent: z.boolean().optional(),
  }),
]);

/** First line of a transcript. */
export type TranscriptSession = z.output<typeof SessionLine>;
/** Any other line. */
export type TranscriptEntry = z.output<typeof EntryLine>;

export interface Transcript {
  readonly session: TranscriptSession;
  readonly entries: readonly TranscriptEntry[];
}

/** Public identities of the parties of a session. */
export interface TranscriptParties {
  readonly coordinator: string;
  /** By pod name. */
  readonly pods: ReadonlyMap<string, string>;
}

/** First line of the transcript of `session`, which begins at `at`. */
export function transcriptSession(session: Session, parties: TranscriptParties, at: string): TranscriptSession {
  const { runId, round, attempt, purpose, assumptions = {}, minimum = 0, shape, wireBytes } = session;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    ...{ type: 'session', format: TRANSCRIPT_FORMAT, at, runId, round, attempt, purpose },
    coordinator: parties.coordinator,
    roster: session.roster.map(({ name }) => {
      const commitment = session.commitments?.get(name);
      return { name, public: parties.pods.get(name)!, ...(commitment && { commitment: hex(commitment) }) };
    }),
    ...{ minimum, assumptions: { ...assumptions }, shape: [...shape], wireBytes },
    ...{ publicHash: hex(session.publicHash), base: hex(session.base), ctx: hex(session.ctx) },
  };
}

/** A line of the file, without its end. */
export function transcriptLine(line: TranscriptSession | TranscriptEntry): string {
  return JSON.stringify('message' in line ? { ...line, message: base64(line.message) } : line);
}

/** Reads a transcript. @throws KonsilError TRANSCRIPT_INVALID naming the line that is none. */
export function parseTranscript(text: string): Transcript {
  const [first = '', ...rest] = text.split('\n').filter((line) => line !== '');
  const parse = <T>(schema: z.ZodType<T>, line: string, number: number): T => {
    try {
      return schema.parse(JSON.parse(line));
    } catch (cause) {
      throw new KonsilError(
        'TRANSCRIPT_INVALID',
        `line ${number} is no line of a ${TRANSCRIPT_FORMAT}`,
        { line: number },
        { cause },
      );
    }
  };
  return {
    session: parse(SessionLine, first, 1),
    entries: rest.map((line, i) => parse(EntryLine, line, i + 2)),
  };
}

/** Bytes of a release message before its first share: header, hash of the survivor list, count. */
const RELEASE_HEAD = 36 + 32 + 2;
const KIND_BYTES = 3;
const SHARE_BYTES = 32;

/**
 * A release message without its shares and its signature, which is over them; null for any other message.
 * @returns header, hash and count as they were, then index and kind of each share.
 */
export function cutShares(message: Uint8Array): { readonly message: Uint8Array; readonly whole: string } | null {
  if (typeOf(message) !== 'release') return null;
  const kept = [...message.subarray(0, RELEASE_HEAD)];
  const end = message.length - 64;
  for (let at = RELEASE_HEAD; at + KIND_BYTES <= end; at += KIND_BYTES + SHARE_BYTES)
    kept.push(...message.subarray(at, at + KIND_BYTES));
  return { message: Uint8Array.from(kept), whole: Buffer.from(sha256(message)).toString('hex') };
}

function typeOf(message: Uint8Array): string | null {
  try {
    return peekMessage(message).type;
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    return null; // refused messages may be anything
  }
}

/** What {@link cutShares} leaves of a release message; null when it is no such thing. */
export function readCut(message: Uint8Array): {
  readonly sender: number;
  readonly ctx: Uint8Array;
  readonly survivorsHash: Uint8Array;
  readonly shares: readonly { readonly of: number; readonly kind: 'self' | 'key' }[];
} | null {
  const u16 = (at: number): number => 256 * message[at]! + message[at + 1]!;
  if (message.length < RELEASE_HEAD || message[0] !== 2 || message[1] !== 9) return null;
  const count = u16(RELEASE_HEAD - 2);
  if (message.length !== RELEASE_HEAD + KIND_BYTES * count) return null;
  const places = Array.from({ length: count }, (_, i) => RELEASE_HEAD + KIND_BYTES * i);
  if (places.some((at) => message[at + 2] !== 1 && message[at + 2] !== 2)) return null;
  const shares = places.map((at) => ({
    of: u16(at),
    kind: message[at + 2] === 1 ? ('self' as const) : ('key' as const),
  }));
  return { sender: u16(2), ctx: message.slice(4, 36), survivorsHash: message.slice(36, 68), shares };
}
