/**
 * What the coordinator saw and said in one attempt, as JSON lines: the session's parameters, each message with who, when
 * and in which phase, and how it ended. All of it may be handed to anybody; `checkTranscript.ts` checks one.
 *
 * A masked vector is named by the hash in its manifest. Of a message that releases shares there are the names, and the
 * hash of the message, but no share: with the masked vectors, which somebody may have kept, shares open sums. A message
 * that the coordinator did not take is named by its hash, since nobody knows what is in it.
 * @source docs/reference/secure-aggregation.md, section 16.
 * @module
 */
import { z } from 'zod';
import { KonsilError, messageOf, printable, toHex } from '../../../base/index.ts';
import { sha256 } from '../../../crypto/index.ts';
import { isSparse, type Session } from '../context.ts';
import { peekMessage, rereadMessage } from '../messages.ts';
import type { PublicParameters } from '../publicParameters.ts';

export const TRANSCRIPT_FORMAT = 'konsil-transcript-v1';

const Bytes = z.base64().transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'base64')));
const Hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hexadecimal');
const Fraction = z.number().min(0).max(1);
/** What `frame` takes. */
const Count = z.int().min(0).max(0xffffffff);

const SessionLine = z.strictObject({
  type: z.literal('session'),
  format: z.literal(TRANSCRIPT_FORMAT),
  at: z.iso.datetime(),
  runId: z.string(),
  round: Count,
  attempt: Count,
  purpose: z.string(),
  /** Public identity, as `konsil keys export` prints it. */
  coordinator: z.string(),
  roster: z.array(z.strictObject({ name: z.string(), public: z.string(), commitment: Hash.optional() })),
  minimum: Count,
  assumptions: z.strictObject({
    graph: z.enum(['auto', 'complete']).optional(),
    colluding: Fraction.optional(),
    dropouts: Fraction.optional(),
  }),
  shape: z.array(z.strictObject({ bits: z.union([z.literal(8), z.literal(16), z.literal(32)]), length: Count })),
  wireBytes: Count,
  /** What every pod worked from: the hash of these is in the context of all that it signed. */
  agreed: z.strictObject({
    task: z.string(),
    model: z.string(),
    parameters: z.string(),
    mean: Bytes,
    scale: Bytes,
    layout: Hash,
  }),
  base: Hash,
  ctx: Hash,
});

export const TRANSCRIPT_PHASES = ['advertise', 'share', 'upload', 'sign', 'release'] as const;
/** A phase of an attempt. */
export type TranscriptPhase = (typeof TRANSCRIPT_PHASES)[number];
const Phase = z.enum(TRANSCRIPT_PHASES);
const stamp = { at: z.iso.datetime(), phase: Phase };
const Names = z.array(z.string());

const EntryLine = z.discriminatedUnion('type', [
  /** The coordinator's, to one or more pods. */
  z.strictObject({ type: z.literal('sent'), ...stamp, to: Names.min(1), message: Bytes }),
  /** A pod's, that counted. */
  z.strictObject({ type: z.literal('accepted'), ...stamp, from: z.string(), message: Bytes }),
  /** A pod's release message, without its shares and so without its signature. */
  z.strictObject({
    type: z.literal('released'),
    ...stamp,
    from: z.string(),
    bytes: Count,
    sha256: Hash,
    survivorsHash: Hash,
    /** Whose self mask and whose mask key it released a share of. */
    self: Names,
    key: Names,
  }),
  /** What came and changed nothing: too late, twice, or refused for a `reason`. */
  z.strictObject({
    type: z.literal('passed'),
    at: z.iso.datetime(),
    phase: z.enum([...TRANSCRIPT_PHASES, 'done', 'failed']),
    from: z.string(),
    bytes: Count,
    sha256: Hash,
    reason: z.string().optional(),
  }),
  z.strictObject({ type: z.literal('lost'), ...stamp, pod: z.string() }),
  z.strictObject({ type: z.literal('sum'), at: z.iso.datetime(), survivors: Names }),
  /** `spent`: shares may have left pods. */
  z.strictObject({ type: z.literal('failed'), at: z.iso.datetime(), reason: z.string(), spent: z.boolean() }),
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

/** First line of the transcript of `session`, which begins `at` (ISO 8601, UTC). */
export function transcriptSession(
  session: Session,
  agreed: PublicParameters,
  parties: TranscriptParties,
  at: string,
): TranscriptSession {
  const { runId, round, attempt, purpose, assumptions = {}, minimum = 0, shape, wireBytes } = session;
  const { task, modelId: model, parametersId: parameters, mean, scale, specHash } = agreed;
  return {
    ...{ type: 'session', format: TRANSCRIPT_FORMAT, at, runId, round, attempt, purpose },
    coordinator: parties.coordinator,
    roster: session.roster.map(({ name }) => {
      const commitment = isSparse(session) && toHex(session.commitments!.get(name)!);
      return { name, public: parties.pods.get(name)!, ...(commitment && { commitment }) };
    }),
    ...{ minimum, assumptions: { ...assumptions }, shape: [...shape], wireBytes },
    agreed: { task, model, parameters, mean, scale, layout: toHex(specHash) },
    ...{ base: toHex(session.base), ctx: toHex(session.ctx) },
  };
}

/** A pod's message that counted in `phase`; one that releases shares loses them. */
export function acceptedEntry(
  session: Session,
  { at, phase, from, message }: Readonly<Omit<Extract<TranscriptEntry, { type: 'accepted' }>, 'type'>>,
): TranscriptEntry {
  if (peekMessage(message).type !== 'release') return { type: 'accepted', at, phase, from, message };
  const { survivorsHash, shares } = rereadMessage('release', message);
  const ofKind = (kind: 'self' | 'key'): string[] =>
    shares.filter((share) => share.kind === kind).map(({ of }) => session.roster[of]!.name);
  return {
    ...{ type: 'released', at, phase, from, bytes: message.length, sha256: toHex(sha256(message)) },
    ...{ survivorsHash: toHex(survivorsHash), self: ofKind('self'), key: ofKind('key') },
  };
}

/** A line of the file, without its end. */
export function transcriptLine(line: TranscriptSession | TranscriptEntry): string {
  return JSON.stringify(line, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') : value,
  );
}

/** Reads a transcript. @throws KonsilError TRANSCRIPT_INVALID naming the line that is none. */
export function parseTranscript(text: string): Transcript {
  const [first = '', ...rest] = text.replace(/\n$/, '').split('\n');
  return {
    session: parseLine(SessionLine, first, 1),
    entries: rest.map((line, i) => parseLine(EntryLine, line, i + 2)),
  };
}

/** One line of a file of transcripts. @throws KonsilError TRANSCRIPT_INVALID naming `line` and what is wrong with it. */
export function parseLine<T>(schema: z.ZodType<T>, text: string, line: number): T {
  const invalid = (what: string, cause?: unknown): KonsilError =>
    new KonsilError(
      'TRANSCRIPT_INVALID',
      printable(`line ${line} is no line of a ${TRANSCRIPT_FORMAT}: ${what}`),
      { line },
      { cause },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw invalid(`${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`);
}
