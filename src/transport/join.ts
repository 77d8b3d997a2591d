/**
 * Pinning two identities to each other with a one-time code: the modeller's side makes it, a person reads it to the
 * site, both sides then know each other's keys and nobody copied a file. The code is a 160-bit secret; the meeting
 * topic and the keys come from it, so the broker can neither join in nor learn who meets whom.
 * @module
 */
import { z } from 'zod';
import { frame, KonsilError, utf8 } from '../base/index.ts';
import { equalSecret, hkdf, importPublic, randomBytes, type SecretBox, secretBox, sha256 } from '../crypto/index.ts';
import { fromCbor, joinTopic, toCbor } from '../wire/index.ts';
import type { Clock, Link } from './link.ts';

/** RFC 4648 letters without the ones people confuse (Crockford). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_BYTES = 20;
const REPEAT_MS = 1_000;
/** How long the inviter keeps answering after the first success, in case its answer was lost. */
const LINGER_MS = 3_000;

/** One side's introduction: its name and its public identity line. */
export interface Introduction {
  readonly name: string;
  readonly line: string;
}

const IntroductionSchema = z.strictObject({ name: z.string().min(1).max(70), line: z.string().max(300) });

/** A fresh code: 32 characters in groups of four. */
export function makeJoinCode(): string {
  const secret = randomBytes(SECRET_BYTES);
  const bit = (i: number): number => (secret[i >> 3]! >> (7 - (i & 7))) & 1;
  let text = '';
  for (let i = 0; i < 8 * SECRET_BYTES; i += 5)
    text += ALPHABET[(bit(i) << 4) | (bit(i + 1) << 3) | (bit(i + 2) << 2) | (bit(i + 3) << 1) | bit(i + 4)]!;
  return text.match(/.{4}/g)!.join('-');
}

/** @throws KonsilError JOIN_FAILED when `code` is not one. */
function secretOf(code: string): Uint8Array {
  const text = code.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const secret = new Uint8Array(SECRET_BYTES);
  const digits = Array.from(text, (letter) => ALPHABET.indexOf(letter));
  if (digits.length !== 32 || digits.includes(-1))
    throw new KonsilError('JOIN_FAILED', 'this is not a join code; expected eight groups of four letters and digits');
  digits.forEach((digit, k) => {
    for (let b = 0; b < 5; b++) if ((digit >> (4 - b)) & 1) secret[(5 * k + b) >> 3]! |= 0x80 >> ((5 * k + b) & 7);
  });
  return secret;
}

function keysOf(code: string): { readonly meeting: string; readonly key: Uint8Array } {
  const secret = secretOf(code);
  const none = new Uint8Array(0);
  const meeting = Buffer.from(hkdf(secret, none, 'konsil/join/v1/meeting', 16)).toString('base64url');
  return { meeting, key: hkdf(secret, none, 'konsil/join/v1/key', 32) };
}

function unpack(box: SecretBox, label: Uint8Array, bytes: Uint8Array): Introduction | null {
  const plain = box.open(bytes, label);
  if (!plain) return null;
  const introduction = fromCbor(IntroductionSchema, plain, 'introduction');
  importPublic(introduction.line); // throws KEY_INVALID
  return introduction;
}

const POD_LABEL = utf8('konsil/join/v1/pod');
/** The answer is bound to the introduction it answers. */
const modellerLabel = (pod: Introduction): Uint8Array =>
  frame('konsil/join/v1/modeller', sha256(frame(pod.name, pod.line)));

export interface JoinOptions {
  readonly link: Link;
  readonly code: string;
  readonly self: Introduction;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The modeller's side: waits for the one pod that knows the code.
 *
 * @param accept - Pins the pod; throwing refuses it.
 * @throws KonsilError JOIN_FAILED when nobody came in time, CANCELLED; what `accept` throws.
 */
export async function inviteToJoin(options: JoinOptions, accept: (pod: Introduction) => void): Promise<Introduction> {
  const { link, code, self, clock } = options;
  const { meeting, key } = keysOf(code);
  const box = await secretBox(key);
  return withDeadline(options, async (settle, fail, isOver) => {
    let joined: { pod: Introduction; bytes: Uint8Array } | null = null;
    await link.subscribe(joinTopic(meeting, 'modeller'), (bytes) => {
      if (isOver()) return; // too late: nobody is pinned after this side has given up
      try {
        const pod = unpack(box, POD_LABEL, bytes);
        if (!pod) return;
        const identity = utf8(`${pod.name}|${pod.line}`);
        if (joined && !equalSecret(joined.bytes, identity)) return; // the code is used up
        if (!joined) {
          accept(pod);
          joined = { pod, bytes: identity };
          clock.after(LINGER_MS, () => settle(pod));
        }
        void link.publish(joinTopic(meeting, 'pod'), box.seal(toCbor({ ...self }), modellerLabel(pod)));
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** The pod's side: introduces itself until the modeller answers. @throws KonsilError JOIN_FAILED, CANCELLED. */
export async function acceptJoin(options: JoinOptions): Promise<Introduction> {
  const { link, code, self, clock } = options;
  const { meeting, key } = keysOf(code);
  const box = await secretBox(key);
  return withDeadline(options, async (settle, fail, isOver) => {
    await link.subscribe(joinTopic(meeting, 'pod'), (bytes) => {
      try {
        const modeller = unpack(box, modellerLabel(self), bytes);
        if (modeller) settle(modeller);
      } catch (error) {
        fail(error);
      }
    });
    const introduce = (): void => {
      if (isOver()) return;
      void link.publish(joinTopic(meeting, 'modeller'), box.seal(toCbor({ ...self }), POD_LABEL));
      clock.after(REPEAT_MS, introduce);
    };
    introduce();
  });
}

function withDeadline(
  { clock, timeoutMs, signal }: JoinOptions,
  start: (
    settle: (other: Introduction) => void,
    fail: (error: unknown) => void,
    isOver: () => boolean,
  ) => Promise<void>,
): Promise<Introduction> {
  return new Promise((resolve, reject) => {
    let over = false;
    const onAbort = (): void => end(() => reject(new KonsilError('CANCELLED', 'join cancelled')));
    const cancel = clock.after(timeoutMs, () =>
      end(() =>
        reject(
          new KonsilError(
            'JOIN_FAILED',
            'nobody with this code came in time; is the other side running, on the same broker?',
          ),
        ),
      ),
    );
    const end = (action: () => void): void => {
      over = true;
      cancel();
      signal?.removeEventListener('abort', onAbort);
      action();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    start(
      (other) => end(() => resolve(other)),
      (error) => end(() => reject(error)),
      () => over,
    ).catch((error: unknown) => end(() => reject(error)));
  });
}
