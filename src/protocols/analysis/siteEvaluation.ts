/**
 * What a site says of a model by itself: its rules, and its figures where they allow it. Signed, so that whoever has a report
 * can check that it shows what the site gave.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type DeepReadonly, KonsilError, messageOf, toHex, utf8 } from '../../base/index.ts';
import { importPublic, type KeyPair, type PublicIdentity, sha256, sign, verify } from '../../crypto/index.ts';
import { Group, WithheldGroup } from '../../metrics/index.ts';

const found = z.union([Group, WithheldGroup]);
const count = z.int().min(0);

const Answer = z.strictObject({
  format: z.literal('konsil-site-evaluation-v1'),
  policy: z.strictObject({
    results: z.enum(['pooled', 'summed', 'site']),
    minimumRows: count,
    minimumClassRows: count,
  }),
  /** Only of sites that give figures of their own. */
  data: z
    .strictObject({
      splits: z.strictObject({ train: count, validation: count, test: count }).exactOptional(),
      missingTarget: count.nullable().exactOptional(),
      missing: z.record(z.string().max(200), count.nullable()).exactOptional(),
    })
    .exactOptional(),
  /** Of a task that asks for them: SHA-256 of the scores of all rows, see `exactScores.ts`, or why there are none. */
  scores: z
    .union([z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), rows: count }), WithheldGroup])
    .exactOptional(),
  /** Of the groups of the task, in order; all rows first. */
  groups: z.array(found).max(1_000),
});

/** JSON of a site's answer about one model. */
export type SiteEvaluation = DeepReadonly<z.output<typeof Answer>>;

/** Most bytes of an answer. */
export const MAX_SITE_EVALUATION_BYTES = 16 << 20;

/**
 * @param groups - How many the task has. @default any number
 * @throws KonsilError AGG_BAD_MESSAGE when the bytes are no such answer.
 */
export function readSiteEvaluation(text: string, pod: string, groups?: number): SiteEvaluation {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its evaluation is not JSON`, { pod }, { cause });
  }
  const read = Answer.safeParse(json);
  if (!read.success || (groups !== undefined && read.data.groups.length !== groups)) {
    const place = read.success ? 'groups' : read.error.issues[0]!.path.join('.');
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its evaluation is none, at ${place}`, { pod });
  }
  return read.data;
}

/** What a pod vouches for. */
export interface EvaluationView {
  readonly run: string;
  /** Of the task as it was sent, and of the model's bytes: SHA-256 in hex. */
  readonly task: string;
  readonly model: string;
  readonly pod: string;
  /** The answer's text. */
  readonly answer: string;
}

/** The text that is signed. */
export function evaluationStatement({ run, task, model, pod, answer }: EvaluationView): string {
  const statement = 'konsil/evaluation/v1';
  return JSON.stringify({ statement, run, task, model, pod, answer: toHex(sha256(utf8(answer))) });
}

/** Ed25519 signature over {@link evaluationStatement}, 64 bytes. */
export function signEvaluation(identity: KeyPair, view: EvaluationView): Uint8Array {
  return sign(identity, utf8(evaluationStatement(view)));
}

/** @param signing - The pod's signing key. */
export function isSignedEvaluation(view: EvaluationView, signature: Uint8Array, signing: Uint8Array): boolean {
  return verify(signing, utf8(evaluationStatement(view)), signature);
}

/** Something in a report that does not hold. */
export interface EvaluationFinding {
  readonly what: string;
}

/** A pod's answer as a report has it. */
export interface ReportedAnswer extends Pick<EvaluationView, 'run' | 'task' | 'pod'> {
  /** The pod's public identity. */
  readonly identity: string;
  readonly modelSha256: string;
  readonly statement: string;
  /** Base64. */
  readonly signature: string;
  readonly answer?: string;
}

/**
 * Whether a pod has signed what a report says of it.
 * @param shown - Its figures of all rows as the report shows them; `groups`: those of the subgroups, in order.
 */
export function checkEvaluationAnswer(
  { identity, pod, modelSha256, statement, signature, answer = '', ...view }: ReportedAnswer,
  shown: unknown,
  groups: readonly unknown[],
): EvaluationFinding[] {
  let peer: PublicIdentity;
  try {
    peer = importPublic(identity);
  } catch (error) {
    return [{ what: `${pod}: its identity is none: ${messageOf(error)}` }];
  }
  const findings: EvaluationFinding[] = [];
  const wrong = (what: string): void => void findings.push({ what: `${pod}: ${what}` });
  const full = { ...view, model: modelSha256, pod: peer.id, answer };
  if (evaluationStatement(full) !== statement)
    wrong('what it signed is of another run, task, model or answer than the report says');
  if (!verify(peer.signing, utf8(statement), new Uint8Array(Buffer.from(signature, 'base64'))))
    wrong('the signature is not its own');
  try {
    const evaluation = readSiteEvaluation(answer, pod, groups.length + 1);
    if (!isDeepStrictEqual(evaluation.groups, [shown, ...groups]))
      wrong('the report shows other figures than it signed');
  } catch (error) {
    wrong(messageOf(error));
  }
  return findings;
}
