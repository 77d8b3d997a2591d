/**
 * The header inside every envelope: which run, round and phase a message belongs to, from whom to whom, in which
 * session, and its place in the sequence. It is signed and encrypted with the body.
 * @module
 */
import { z } from 'zod';
import { equalBytes } from '../base/index.ts';
import { fromCbor, toCbor } from './codec.ts';

/** Version of envelope, header and messages together; a change here is a protocol change. */
export const PROTOCOL_VERSION = 1;

const Boot = z.custom<Uint8Array>((b) => b instanceof Uint8Array && b.length === 16, 'expected 16 bytes');
const PeerIdText = z.string().length(43);

const HeaderSchema = z.strictObject({
  v: z.literal(PROTOCOL_VERSION),
  kind: z.enum(['hello', 'helloAck', 'receipt', 'data']),
  from: PeerIdText,
  to: PeerIdText,
  /** Random per process start: a restarted peer is a new session. */
  fromBoot: Boot,
  /** The receiver's boot as the sender knows it; all zero only in `hello`. */
  toBoot: Boot,
  /** `data`: position in this session, from 0. `receipt`: the next position expected. */
  seq: z.int().min(0),
  run: z.string().max(64),
  round: z.int().min(0).max(0xffffffff),
  phase: z.string().max(32),
});

export type Header = z.infer<typeof HeaderSchema>;

/** Where in a run a message belongs. `run` is empty outside runs. */
export interface Context {
  readonly run: string;
  readonly round: number;
  readonly phase: string;
}

/** Context of messages that belong to no run. */
export const NO_RUN: Context = { run: '', round: 0, phase: '' };

/** The boot of a peer that is not known yet. */
export const UNKNOWN_BOOT = new Uint8Array(16);

export const encodeHeader = (header: Header): Uint8Array => toCbor(header);

/** @throws KonsilError PROTOCOL_VIOLATION when the bytes are not a header of this version. */
export const decodeHeader = (bytes: Uint8Array): Header => fromCbor(HeaderSchema, bytes, 'message header');

export const sameBoot = equalBytes;
