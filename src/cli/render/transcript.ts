/**
 * A checked transcript for people: phase by phase, pod by pod, what is wrong, and the verdict.
 * @module
 */
import { TRANSCRIPT_PHASES, type TranscriptPhase, type TranscriptReport } from '../../aggregation/index.ts';
import { printable } from '../../base/index.ts';
import { fingerprint, type PeerId } from '../../crypto/index.ts';
import { PHASE_LABELS, type ResultTranscript, type RunReport } from '../../protocols/index.ts';
import { humanBytes } from '../output.ts';
import type { Pin, Pins } from '../pins.ts';

/** Lines about one transcript. */
export function transcriptLines(file: string, report: TranscriptReport, pins: Pins): string[] {
  const { session, coordinator, agreed, passedOver, findings } = report;
  const lines = [printable(file)];
  if (session && coordinator) {
    const { runId, round, purpose, attempt, n, k, t, colluding, minSurvivors, signatures } = session;
    lines.push(
      `  sum          ${printable(runId)}, ${printable(purpose)}, protocol round ${round}, attempt ${attempt}, ${report.at}`,
      `  coordinator  ${fingerprint(coordinator)}${pinText(pins, pins.ofCoordinator(coordinator))}`,
      `  thresholds   ${n} pods, ${k} neighbours each, ${t} shares rebuild a secret, ${signatures} signatures, at least ${minSurvivors} inputs; ${colluding} may collude`,
      `  worked from  model ${short(agreed.model)}, parameters ${short(agreed.parameters)}; vectors of ${humanBytes(session.wireBytes)}`,
      ...['', ...table(phaseTable(report, session))],
      ...['', ...table(podTable(report, pins)), ''],
    );
  }
  if (passedOver > 0)
    lines.push(`  passed over  ${passedOver} messages that changed nothing; only their hashes are here`);
  for (const { line, pod, what } of findings)
    lines.push(
      `  WRONG        ${line === null ? '' : `line ${line}: `}${pod === null ? '' : `${printable(pod)}: `}${printable(what)}`,
    );
  lines.push(`  verdict      ${verdict(report)}`);
  return lines;
}

/** Lines about who signed for the final parameters. */
export function resultLines(file: string, result: ResultTranscript, confirmedBy: readonly string[]): string[] {
  return [
    printable(file),
    `  run          ${printable(result.runId)}, ${result.at}`,
    `  parameters   ${printable(result.parameters)}`,
    `  signed by    ${confirmedBy.map(printable).join(', ') || 'nobody'}`,
  ];
}

/** Lines about what shows only when files are seen together. */
export function togetherLines({ wrong, notes }: Pick<RunReport, 'wrong' | 'notes'>): string[] {
  const line = (label: string, { file, what }: RunReport['wrong'][number]): string =>
    `${label}  ${printable(file)}: ${printable(what)}`;
  return [...wrong.map((finding) => line('WRONG', finding)), ...notes.map((note) => line('note ', note))];
}

const pinText = (pins: Pins, pin: Pin): string => (pins.isEmpty ? '' : ` (${pin})`);
const short = (hash: string): string => (hash === '' ? '–' : printable(hash.slice(0, 16)));
/** Enough to tell keys apart by eye; whoever wants to compare them gives `--keys`. */
const shortKey = (id: PeerId): string => `${fingerprint(id).slice(0, 9)}…`;

/** Rows as aligned columns: the first to the left, others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const cells = (row: readonly string[]): string[] =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  return rows.map((row) => `  ${cells(row).join('  ')}`.trimEnd());
}

type Session = NonNullable<TranscriptReport['session']>;

function phaseTable({ pods }: TranscriptReport, session: Session): string[][] {
  const { n, k, t, minSurvivors, signatures } = session;
  const isSparse = k < n - 1;
  const needed: Record<TranscriptPhase, string> = {
    ...{ advertise: String(isSparse ? n : minSurvivors), share: String(minSurvivors), upload: String(minSurvivors) },
    ...{ sign: String(signatures), release: `${t}${isSparse ? ' a pod' : ''}` },
  };
  const rows = TRANSCRIPT_PHASES.map((phase) => {
    const of = (which: 'sentBytes' | 'receivedBytes'): number[] =>
      pods.flatMap((pod) => (pod[which][phase] === undefined ? [] : [pod[which][phase]]));
    const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
    const [sent, received] = [of('sentBytes'), of('receivedBytes')];
    const asked = phase === 'advertise' ? n : received.length;
    return [
      ...[PHASE_LABELS[phase], String(asked), String(sent.length), needed[phase]],
      ...[humanBytes(sum(received)), humanBytes(sum(sent))],
    ];
  });
  return [['phase', 'asked', 'answered', 'needed', 'to pods', 'from pods'], ...rows];
}

function podTable({ pods, survivors }: TranscriptReport, pins: Pins): string[][] {
  const rows = pods.map((pod) => {
    const { name, id, sentBytes, lostIn, vector, selfShares, keyShares } = pod;
    const isIn = survivors?.includes(name) ?? false;
    return [
      printable(name),
      `${shortKey(id)}${pinText(pins, pins.ofPod(name, id))}`,
      ...TRANSCRIPT_PHASES.map((phase) => (sentBytes[phase] === undefined ? '–' : humanBytes(sentBytes[phase]))),
      vector?.slice(0, 8) ?? '–',
      ...[isIn ? 'yes' : 'no', String(selfShares), String(keyShares)],
      lostIn === null ? '–' : PHASE_LABELS[lostIn],
    ];
  });
  const phases = TRANSCRIPT_PHASES.map((phase) => PHASE_LABELS[phase]);
  const head = ['pod', 'key', ...phases, 'vector', 'in the sum', 'self shares', 'key shares', 'lost in'];
  return [head, ...rows];
}

function verdict({ findings, survivors, isSpent, reason, outcome }: TranscriptReport): string {
  if (findings.length > 0) return `BROKEN: ${findings.length} rule${findings.length === 1 ? ' is' : 's are'} not kept`;
  if (outcome === 'sum')
    return `the coordinator could open the sum of these ${survivors!.length} inputs, and nothing else of this attempt`;
  const why = reason === '' ? '' : ` (${printable(reason)})`;
  const end = outcome === 'failed' ? `no sum came out${why}` : 'the transcript ends before the attempt did';
  if (isSpent) return `${end}; shares were asked for: the coordinator could open at most the sum of the survivors`;
  return `${end}; no share was asked for: the coordinator could open nothing`;
}
