/**
 * What a model that segments says to a site's images, against their masks. Only the sums of each image are kept.
 * @module
 */
import type { SiteStatistics } from '../../metrics/index.ts';
import { seeImages } from '../../protocols/index.ts';
import type { ModelPredictor } from '../../training/index.ts';
import type { EvaluatedRows } from './evaluatedRows.ts';
import { type Seen, scoredImages } from './scoredRows.ts';

/** What the outputs are called, and what they are. */
interface Masks {
  readonly name: string;
  readonly scale: 'probabilities' | 'raw';
  /** Grey values of the masks, the background first. */
  readonly classes: readonly string[];
}

/** @throws KonsilError MODEL_MISMATCH for outputs that are no masks; DATA_INVALID when too many rows cannot be read. */
export async function scoreImages(
  predictor: ModelPredictor,
  { name, scale, classes }: Masks,
  { part, images }: EvaluatedRows,
  signal: AbortSignal,
): Promise<Seen> {
  const output = { name, dims: predictor.model.output.dims, threshold: scale === 'probabilities' ? 0.5 : 0 };
  const say = (x: Float32Array, rows: number): Promise<Float32Array> => predictor.predict({ x, rows }, signal);
  const statistics: SiteStatistics[] = [];
  const kept: number[] = [];
  for await (const seen of seeImages(say, output, classes.length, images!, part, 'test')) {
    signal.throwIfAborted();
    statistics.push(...seen.statistics);
    kept.push(...seen.rows);
  }
  return { kept: Uint32Array.from(kept), scored: scoredImages(classes, statistics) };
}
