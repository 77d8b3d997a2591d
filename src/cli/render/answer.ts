/**
 * The answer to a question, for people.
 * @module
 */
import { printable } from '../../base/index.ts';
import type { AnalysisOutcome } from '../../coordinator/index.ts';
import type {
  FederatedColumn,
  FederatedSummary,
  FederatedVocabulary,
  ResultTable,
  SiteInference,
} from '../../protocols/index.ts';

/** Rows that are shown of a table; all are in its file. */
const SHOWN_ROWS = 40;

export function answerLines({
  answer,
  results,
  inference,
}: Pick<AnalysisOutcome, 'answer' | 'results' | 'inference'>): string[] {
  const lines: string[] = [];
  if (answer?.kind === 'table') {
    lines.push('', ...tableLines(answer.table));
    if (answer.table.suppressed > 0)
      lines.push(`(${answer.table.suppressed} rows of groups that the task does not list)`);
  }
  if (answer?.kind === 'statistics') lines.push('', ...summaryLines(answer.summary));
  for (const [pod, table] of results) {
    lines.push('', `${pod}:`);
    const ran = inference?.get(pod);
    if (ran) lines.push(...inferenceLines(ran));
    if (table === null) lines.push('  its result stays there');
    else {
      lines.push(...tableLines(table).map((line) => `  ${line}`));
      const noise = Object.entries(table.noise ?? {}).map(([name, deviation]) => `${name} ± ${numberText(deviation)}`);
      if (noise.length > 0) lines.push(`  (with noise, whose deviation is: ${noise.join(', ')})`);
      if (table.suppressed > 0) lines.push(`  (${table.suppressed} groups of too few rows are not shown)`);
    }
  }
  return lines.length > 0 ? [...lines, ''] : lines;
}

/** How models were run at a pod. */
function inferenceLines({ rows, failed, batches, failedBatches, seconds, models, warnings }: SiteInference): string[] {
  const rate = seconds > 0 ? `, ${numberText(rows / seconds)} a second` : '';
  return [
    `  ${rows} rows in ${seconds.toFixed(1)} s${rate}, ${batches} ${batches === 1 ? 'batch' : 'batches'}`,
    ...(failed > 0 ? [`  ${failed} failed, in ${failedBatches} batches; the site has a report of them`] : []),
    ...models.map(({ label, engine, device }) => `  ${label}: ${engine} on ${device}`),
    ...warnings.map((warning) => `  warning: ${warning}`),
  ];
}

function tableLines({ columns, rows }: Pick<ResultTable, 'columns' | 'rows'>): string[] {
  const shown = rows.slice(0, SHOWN_ROWS).map((row) => row.map(cellText));
  const left = rows.length - shown.length;
  return [...aligned([[...columns], ...shown]), ...(left > 0 ? [`… and ${left} more rows`] : [])];
}

function cellText(value: string | number | boolean | null): string {
  if (value === null) return '-';
  return typeof value === 'number' ? numberText(value) : String(value);
}

function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function summaryLines({ rows, pods, columns, target, channels, vocabularies = [] }: FederatedSummary): string[] {
  const all = [...columns, target];
  const numeric = all.filter(({ mean }) => mean !== undefined);
  const categories = all.filter((column) => column.categories !== undefined);
  const hidden = all.filter(({ isSuppressed }) => isSuppressed);
  const quantiles = numeric[0]?.quantiles ?? [];
  return [
    `${rows} training rows of ${pods} pods`,
    ...(numeric.length > 0
      ? [
          '',
          ...aligned([
            ['column', 'missing', 'mean', 'deviation', ...quantiles.map(({ p }) => `${100 * p} %`)],
            ...numeric.map(numericRow),
          ]),
        ]
      : []),
    ...categories.flatMap((column) => ['', ...categoryLines(column)]),
    ...(target.classWeights ? [`  class weights ${target.classWeights.map(numberText).join(', ')}`] : []),
    ...(channels ?? []).map(
      ({ mean, standardDeviation }, k) =>
        `channel ${k}: mean ${numberText(mean)}, deviation ${numberText(standardDeviation)}`,
    ),
    ...vocabularies.flatMap((vocabulary) => ['', ...vocabularyLines(vocabulary)]),
    ...(hidden.length > 0 ? ['', `too few values: ${hidden.map(({ name }) => name).join(', ')}`] : []),
  ];
}

const numericRow = ({ name, missing, mean, standardDeviation, quantiles = [] }: FederatedColumn): string[] => [
  ...[name, String(missing), numberText(mean!), numberText(standardDeviation!)],
  ...quantiles.map(({ value }) => numberText(value)),
];

const categoryLines = ({ name, missing, categories = [] }: FederatedColumn): string[] => [
  `${name}${missing > 0 ? `, no value in ${missing} rows` : ''}`,
  ...categories.map(({ value, count }) => `  ${value}: ${count}`),
];

const vocabularyLines = ({ name, values, collisions, tooRare, otherRows }: FederatedVocabulary): string[] => [
  `${name}, all rows: ${values.length} values, ${otherRows} rows with others (${tooRare} too rare, ${collisions} cannot be told apart)`,
  // sites wrote these: nothing in them steers a terminal
  ...values.map(({ value, count }) => `  ${printable(value)}: ${count}`),
];
