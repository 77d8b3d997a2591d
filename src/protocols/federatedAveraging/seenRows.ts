/**
 * What a model says to rows of a site, against what is true of them. Masks are seen some at a time: their outputs together are
 * too large.
 * @module
 */

import { type ImageLoader, type ImageStep, resized, type Subset } from '../../datasources/index.ts';
import {
  addStatistics,
  countHits,
  type EvaluationKind,
  evaluate,
  groupStatistics,
  imageStatistics,
  labelsOf,
  type Metrics,
  planeOf,
  pooledMetrics,
  type SiteStatistics,
  siteStatistics,
} from '../../metrics/index.ts';
import type { Task } from '../../tasks/index.ts';
import type { ModelTrainer } from '../../training/index.ts';
import { inputsOf, predictPart, type SiteData } from './siteData.ts';
import { targetsFor } from './trainerOptions.ts';

/** Images whose outputs are in memory at once. */
const AT_ONCE = 16;

/** Who says something to which rows. */
export interface SeenBy {
  readonly trainer: Pick<ModelTrainer, 'program' | 'predict' | 'loss'>;
  readonly parameters: Float32Array;
  readonly data: Pick<SiteData, 'images'>;
  readonly step: ImageStep;
  /** What is predicted; `classes` counts classes or labels. */
  readonly problem: { readonly kind: EvaluationKind; readonly classes: number };
  readonly signal?: AbortSignal | undefined;
}

/** Rows that could be read, and how right the model was. */
export interface Seen {
  readonly rows: number;
  /** To be added up over sites. */
  readonly statistics: SiteStatistics;
  readonly metrics: Metrics;
}

/** @throws KonsilError as the trainer, or when the model says no number. */
export async function seeRows(by: SeenBy, part: Subset): Promise<Seen> {
  const { kind, classes } = by.problem;
  if (kind !== 'segmentation') {
    const { part: read, outputs } = await predictPart(by.trainer, by.data, part, by);
    return {
      rows: read.rows,
      statistics: siteStatistics(kind, outputs, read.y, classes),
      metrics: evaluate(kind, outputs, read.y, classes),
    };
  }
  const all = [groupStatistics({ kind, classes: Array.from({ length: classes }, String) }, [], [])];
  for await (const seen of maskedRows(by, part)) all.push(...seen.statistics);
  const statistics = addStatistics(all);
  const figures = pooledMetrics(kind, statistics, classes);
  return {
    rows: all.length - 1,
    statistics,
    metrics: Object.fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value])),
  };
}

/** Rows that could be read, with the sum of their losses and how many have the right class. */
export interface Losses {
  readonly rows: number;
  readonly loss: number;
  readonly hits: number;
}

export async function lossOfRows(by: SeenBy, task: Pick<Task, 'training'>, part: Subset): Promise<Losses> {
  const { trainer, parameters, data, step, problem, signal } = by;
  const { kind, classes } = problem;
  if (part.rows === 0) return { loss: 0, rows: 0, hits: 0 };
  if (kind === 'segmentation') {
    let [loss, rows] = [0, 0];
    for await (const {
      rows: { length },
      x,
      y,
    } of maskedRows(by, part)) {
      const targets = targetsFor(task, Int32Array.from(y));
      loss += length * (await trainer.loss({ parameters, x, y: targets, rows: length }, signal));
      rows += length;
    }
    return { loss, rows, hits: 0 };
  }
  // predictions first: they show which rows can be read
  const { part: read, outputs } = await predictPart(trainer, data, part, by);
  const { y, rows } = read;
  if (rows === 0) return { loss: 0, rows: 0, hits: 0 };
  const x = inputsOf(data, read, step);
  const loss = await trainer.loss({ parameters, x, y: targetsFor(task, y), rows }, signal);
  return { loss: loss * rows, rows, hits: countHits(kind, outputs, y, classes) };
}

/** What a model that segments puts out: name and scale of the output, and its shape without rows. */
export interface MaskOutput {
  readonly name: string;
  readonly dims: readonly number[];
  /** At or above it, one channel says the second of two classes. */
  readonly threshold: number;
}

/** Images that were read, and how right the model was on each. */
export interface SeenImages {
  /** Their numbers in the part. */
  readonly rows: Uint32Array;
  readonly x: Float32Array;
  /** Class of each pixel, shape `[rows, pixels]`. */
  readonly y: Uint8Array;
  readonly statistics: readonly SiteStatistics[];
}

/**
 * Images of `part`, read and seen some at a time; those that cannot be read are left out.
 * @throws KonsilError MODEL_MISMATCH for outputs that are no masks, MODEL_INVALID for some that are no numbers.
 */
export async function* seeImages(
  say: (x: Float32Array, rows: number) => Promise<Float32Array>,
  { name, dims, threshold }: MaskOutput,
  classes: number,
  images: ImageLoader,
  part: Subset,
  step: ImageStep,
): AsyncGenerator<SeenImages> {
  const plane = planeOf(name, dims, classes);
  const width = plane.channels * plane.height * plane.width;
  const source = images.rows(part, step);
  const [shape] = images.shapes;
  const pixels = source.targetWidth!;
  for (let from = 0; from < part.rows; from += AT_ONCE) {
    const wanted = Uint32Array.from({ length: Math.min(AT_ONCE, part.rows - from) }, (_, i) => from + i);
    const { rows, x, y } = await source.read({ rows: wanted });
    if (rows.length === 0) continue;
    const outputs = await say(x, rows.length);
    const statistics = Array.from(rows, (row, i) => {
      const truth = resized(y!.subarray(i * pixels, (i + 1) * pixels), shape!, plane);
      const said = labelsOf(outputs.subarray(i * width, (i + 1) * width), plane, threshold, name);
      return imageStatistics(said, truth, classes, row);
    });
    yield { rows, x, y: y!, statistics };
  }
}

function maskedRows(
  { trainer, parameters, data, step, problem: { classes }, signal }: SeenBy,
  part: Subset,
): AsyncIterable<SeenImages> | [] {
  if (part.rows === 0) return [];
  const { name, dims } = trainer.program.output;
  const say = (x: Float32Array, rows: number): Promise<Float32Array> =>
    trainer.predict({ parameters, x, rows }, signal);
  const output = { name: `output "${name}"`, dims: dims.slice(1), threshold: 0 };
  return seeImages(say, output, classes, data.images!, part, step);
}
