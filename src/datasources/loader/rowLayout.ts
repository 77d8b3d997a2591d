/**
 * How the numbers and images of a row lie side by side as a model takes them.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { ImageHandle } from '../dataSource.ts';
import type { ImageColumns, ImageStep } from '../dataStructure.ts';
import type { RowPart } from '../encoding.ts';
import type { ImageJob, PreparedRow, PreparedShape, RowJob } from './messages.ts';

/** Stretches of a row, and the shape of each image in it. */
export interface RowLayout {
  readonly parts: readonly RowPart[];
  readonly shapes: readonly PreparedShape[];
}

/** Values of a stretch. */
export function partWidth(part: RowPart, shapes: readonly PreparedShape[]): number {
  return part.kind === 'numbers' ? part.width : sizeOf(shapes[part.column]!);
}

/** Values of a row. */
export function widthOf({ parts, shapes }: RowLayout): number {
  return parts.reduce((sum, part) => sum + partWidth(part, shapes), 0);
}

/**
 * Puts a row together.
 * @param row - Where it goes: as long as the layout is wide.
 * @param from - Its numbers, and its images one after another.
 */
export function composeRow(
  { parts, shapes }: RowLayout,
  from: { readonly numbers: Float32Array; readonly images: Float32Array },
  row: Float32Array,
): void {
  const starts = shapes.map((_, column) => shapes.slice(0, column).reduce((sum, shape) => sum + sizeOf(shape), 0));
  let at = 0;
  for (const part of parts) {
    const width = partWidth(part, shapes);
    const start = part.kind === 'numbers' ? part.offset : starts[part.column]!;
    row.set((part.kind === 'numbers' ? from.numbers : from.images).subarray(start, start + width), at);
    at += width;
  }
}

/** @throws KonsilError DATA_INVALID naming column and row when an image has another shape than `shapes` say. */
export function checkShapes(
  columns: readonly string[],
  shapes: readonly PreparedShape[],
  prepared: PreparedRow,
  row: number,
): void {
  const at = prepared.shapes.findIndex((shape, i) => JSON.stringify(shape) !== JSON.stringify(shapes[i]));
  if (at < 0) return;
  const text = ({ channels, height, width }: PreparedShape): string => `[${channels}, ${height}, ${width}]`;
  throw new KonsilError(
    'DATA_INVALID',
    `column "${columns[at]}" is ${text(prepared.shapes[at]!)} in row ${row} and ${text(shapes[at]!)} in the first row; expected images of one size after data_structure.transform, for example with Resize`,
    { column: columns[at]!, row },
  );
}

export function sizeOf({ channels, height, width }: PreparedShape): number {
  return channels * height * width;
}

export function jobOf(
  handles: readonly ImageHandle[],
  columns: readonly string[],
  images: ImageColumns,
  step: ImageStep,
  mask?: ImageJob['mask'],
): RowJob {
  return {
    images: handles.map((handle, i) => ({
      handle,
      ...(i === 0 && mask && { mask }),
      transforms: JSON.stringify(transformsFor(images, step, columns[i]!)),
      convertsGreyscale: images.convertsGreyscale,
    })),
  };
}

/** Steps whose transforms stand in for those that a task does not give: evaluation is alike whatever it is for. */
const INSTEAD: Readonly<Record<ImageStep, ImageStep | undefined>> = {
  train: undefined,
  validation: 'test',
  test: 'validation',
};

/** The transforms of a column in a step, in the order of the task; null for the default. */
function transformsFor({ transforms }: ImageColumns, step: ImageStep, column: string): readonly unknown[] | null {
  const of = (wanted: ImageStep | undefined): readonly unknown[] =>
    transforms
      .filter((t) => t.step === wanted && (t.column === undefined || t.column === column))
      .flatMap(({ transformations }) => transformations);
  const found = [of(step), of(INSTEAD[step])].find((list) => list.length > 0);
  return found ?? null;
}
