/**
 * What a site says of models that were run over its rows: how it went, and the predictions where it lets them leave.
 * @module
 */
import { z } from 'zod';
import { KonsilError, printable } from '../../base/index.ts';
import { isWhole, printableTable, ResultTableSchema } from './resultTable.ts';

const count = z.int().min(0);
const line = z.string().max(1_000);

const SiteInferenceSchema = z.strictObject({
  format: z.literal('konsil-site-inference-v1'),
  /** Rows with predictions, and files or rows without. */
  rows: count,
  failed: count,
  batches: count,
  failedBatches: count,
  seconds: z.number().min(0),
  models: z.array(z.strictObject({ label: line, engine: line, device: line })).max(100),
  /** What was done otherwise than the task says. */
  warnings: z.array(line).max(100),
  table: ResultTableSchema.optional(),
});

/** One site's part. */
export type SiteInference = z.output<typeof SiteInferenceSchema>;

/** Most bytes of one, as JSON. */
export const MAX_SITE_INFERENCE_BYTES = 64 << 20;

/** What pod `pod` says in `bytes`. @throws KonsilError AGG_BAD_MESSAGE when it is nothing of this kind. */
export function readSiteInference(bytes: Uint8Array, pod: string): SiteInference {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its answer is not JSON`, { pod }, { cause });
  }
  const read = SiteInferenceSchema.safeParse(value);
  if (!read.success || (read.data.table && !isWhole(read.data.table)))
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: its answer is not one of an inference`, { pod });
  const { models, warnings, table, ...rest } = read.data;
  return {
    ...rest,
    models: models.map(({ label, engine, device }) => ({
      ...{ label: printable(label), engine: printable(engine), device: printable(device) },
    })),
    warnings: warnings.map(printable),
    ...(table && { table: printableTable(table) }),
  };
}
