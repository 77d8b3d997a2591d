/**
 * A checked transcript for people: who took part, who was lost where, what the coordinator holds, and the verdict.
 * @module
 */
import type { CheckedPod, TranscriptReport } from '../../aggregation/index.ts';
import { printable } from '../../base/index.ts';
import { fingerprint, type PeerId } from '../../crypto/index.ts';

/** How a key compares with the one pinned here under that name. */
export type Pin = 'pinned' | 'unknown here' | 'NOT the pinned key' | '';

const STEPS = {
  advertise: 'keys',
  share: 'shares',
  upload: 'masked input',
  sign: 'consistency',
  release: 'unmasking',
} as const;

/** Lines about one transcript. */
export function transcriptLines(
  file: string,
  report: TranscriptReport,
  pinOf: (name: string, id: PeerId) => Pin,
): string[] {
  const { session, coordinator, pods, survivors, signatures, outcome, withoutShares, passedOver, findings } = report;
  const lines = [file];
  if (session) {
    const { runId, round, purpose, attempt, n, k, t, colluding, minSurvivors } = session;
    lines.push(
      `  sum          ${printable(runId)}, ${printable(purpose)}, protocol round ${round}, attempt ${attempt}`,
      `  coordinator  ${fingerprint(coordinator!)}`,
      `  thresholds   ${n} pods with ${k} neighbours each, ${t} shares rebuild a secret, ${session.signatures} signatures, at least ${minSurvivors} inputs, ${colluding} may collude`,
    );
  }
  const width = Math.max(0, ...pods.map(({ name }) => name.length));
  for (const pod of pods) {
    const pin = pinOf(pod.name, pod.id);
    lines.push(
      `  ${printable(pod.name).padEnd(width)}  ${fingerprint(pod.id)}${pin && ` (${pin})`}  ${fate(pod, survivors)}; ${held(pod)}`,
    );
  }
  if (survivors) lines.push(`  survivors    ${survivors.length}, signed for by ${signatures} of them`);
  if (passedOver > 0) lines.push(`  passed over  ${passedOver} messages that were refused or came too late`);
  if (withoutShares > 0)
    lines.push(
      `  not checked  values of released shares and signatures over them: ${withoutShares} messages have them cut out`,
    );
  for (const { line, pod, what } of findings)
    lines.push(
      `  WRONG        ${line === null ? '' : `line ${line}: `}${pod === null ? '' : `${printable(pod)}: `}${printable(what)}`,
    );
  lines.push(`  verdict      ${verdict(report, outcome)}`);
  return lines;
}

function fate({ name, answered }: CheckedPod, survivors: readonly string[] | null): string {
  if (answered === 'release') return 'took part to the end';
  const last = answered === null ? 'before it sent keys' : `after ${STEPS[answered]}`;
  return survivors?.includes(name) ? `in the sum, lost ${last}` : `lost ${last}`;
}

function held({ selfShares, keyShares }: CheckedPod): string {
  if (selfShares > 0 && keyShares > 0)
    return `the coordinator holds ${selfShares} shares of its self mask AND ${keyShares} of its key`;
  if (selfShares > 0) return `the coordinator holds ${selfShares} shares of its self mask, none of its key`;
  return keyShares > 0
    ? `the coordinator holds ${keyShares} shares of its key, none of its self mask`
    : 'no share of it was released';
}

function verdict(
  { findings, survivors, isSpent, reason }: TranscriptReport,
  outcome: TranscriptReport['outcome'],
): string {
  if (findings.length > 0) return `BROKEN: ${findings.length} rule${findings.length === 1 ? ' is' : 's are'} not kept`;
  if (outcome === 'sum')
    return `the coordinator could open the sum of these ${survivors!.length} inputs, and nothing else of this attempt`;
  const why = reason && ` (${printable(reason)})`;
  if (isSpent)
    return `no sum came out${why}; with the shares it holds, the coordinator can open at most the sum of the survivors`;
  return `no sum came out${why}, and no share left a pod: the coordinator learned nothing`;
}
