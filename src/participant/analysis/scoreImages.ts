/**
 * What a model that segments says to a site's images, against their masks. Images are taken some at a time, and only the sums of
 * each are kept.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { ImageReader, narrowSubset, readMask } from '../../datasources/index.ts';
import { imageStatistics, type SiteStatistics } from '../../metrics/index.ts';
import { predictRows } from '../../protocols/index.ts';
import type { ModelPredictor } from '../../training/index.ts';
import type { EvaluatedRows } from './evaluatedRows.ts';
import { type Seen, scoredImages } from './scoredRows.ts';

/** Images whose outputs are in memory at once. */
const AT_ONCE = 16;

/** What the outputs are called, and what they are. */
interface Masks {
  readonly name: string;
  readonly scale: 'probabilities' | 'raw';
  /** Grey values of the masks, the background first. */
  readonly classes: readonly string[];
}

/** @throws KonsilError MODEL_MISMATCH for outputs that are no masks; DATA_INVALID for a mask that is none. */
export async function scoreImages(
  predictor: ModelPredictor,
  { name, scale, classes }: Masks,
  { part, images, outcomes }: EvaluatedRows,
  signal: AbortSignal,
): Promise<Seen> {
  const plane = planeOf(name, predictor.model.output.dims, classes.length);
  const size = plane.channels * plane.height * plane.width;
  const greys = classes.map(Number);
  const reader = new ImageReader();
  const statistics: SiteStatistics[] = [];
  const kept: number[] = [];
  for (let from = 0; from < part.rows; from += AT_ONCE) {
    signal.throwIfAborted();
    const rows = Uint32Array.from({ length: Math.min(AT_ONCE, part.rows - from) }, (_, i) => from + i);
    const said = await predictRows(
      (x, count) => predictor.predict({ x, rows: count }, signal),
      { ...(images && { images }) },
      narrowSubset(part, rows),
      'test',
    );
    for (const [i, at] of said.kept.entries()) {
      const row = from + at;
      const truth = await readMask(reader, outcomes!.masks[row]!, greys, plane);
      const labels = labelsOf(said.outputs.subarray(i * size, (i + 1) * size), plane, scale, name);
      statistics.push(imageStatistics(labels, truth, classes.length, row));
      kept.push(row);
    }
  }
  return { kept: Uint32Array.from(kept), scored: scoredImages(classes, statistics) };
}

interface Plane {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

function planeOf(name: string, dims: readonly number[], classes: number): Plane {
  const [channels, height, width] = dims.length === 2 ? [1, ...dims] : dims;
  const fits = dims.length === 2 || dims.length === 3;
  if (!fits || !(channels === classes || (classes === 2 && channels === 1)))
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${name} is [rows${dims.map((dim) => `, ${dim}`).join('')}]; expected [rows, ${classes}, height, width]${classes === 2 ? ', or one channel' : ''}`,
    );
  return { channels, height: height!, width: width! };
}

/** The class of each pixel: the likeliest, or where one channel says so, the second. */
function labelsOf(
  values: Float32Array,
  { channels, height, width }: Plane,
  scale: Masks['scale'],
  name: string,
): Uint8Array {
  if (!values.every(Number.isFinite))
    throw new KonsilError('MODEL_INVALID', `${name} is not a finite number for some images`);
  const pixels = height * width;
  const threshold = scale === 'probabilities' ? 0.5 : 0;
  return Uint8Array.from({ length: pixels }, (_, i) => {
    if (channels === 1) return Number(values[i]! >= threshold);
    let best = 0;
    for (let c = 1; c < channels; c++) if (values[c * pixels + i]! > values[best * pixels + i]!) best = c;
    return best;
  });
}
