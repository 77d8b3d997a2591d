/**
 * `InferenceAndImageOutput`: outputs that are images, as masks beside the pictures they were made of.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KonsilError } from '../../base/index.ts';
import { type InputRows, type MaskStack, maskFiles } from '../../datasources/index.ts';
import type { Said } from './modelBench.ts';
import type { OutputTable, ReportCell } from './outputs.ts';
import { guardFile } from './tableFile.ts';

/** Where masks go, and how rows are called. */
export interface MaskPlaces {
  readonly names: readonly string[];
  readonly keys: readonly number[];
  readonly folder: string;
}

/**
 * Writes the masks of some rows. The table says where they are and how many of their pixels each class has.
 * @throws KonsilError MODEL_MISMATCH for outputs that are no images.
 */
export async function maskTable(
  { model, loaded, outputs }: Said,
  { rows, images }: InputRows,
  { names, keys, folder }: MaskPlaces,
): Promise<OutputTable> {
  const frames = images[0]?.length ?? 0;
  const stackOf = stacked(model.label, loaded.output.dims, loaded.scale, frames);
  const size = loaded.output.dims.reduce((product, dim) => product * dim, 1);
  const table: ReportCell[][] = [];
  let classes = 0;
  for (let row = 0; row < rows; row++) {
    const stack = stackOf(outputs.subarray(row * size, (row + 1) * size));
    classes = stack.classes;
    const files = await maskFiles(images[row]!, stack);
    const written = files.map(({ kind, frame, bytes, extension }) => {
      const readable = basename(names[row]!)
        .replace(/[^\w.-]/g, '_')
        .slice(0, 80);
      const place = frame === null ? '' : `_${frame}`;
      const file = join(folder, `${String(keys[row]).padStart(6, '0')}_${readable}${place}_${kind}${extension}`);
      guardFile(file, () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(file, bytes, { mode: 0o600, flush: true });
      });
      return { kind, file: join(basename(folder), basename(file)) };
    });
    const listed = (kind: string): string =>
      written
        .filter((one) => one.kind === kind)
        .map(({ file }) => file)
        .join(' ');
    const counts = Array.from({ length: classes }, () => 0);
    for (const value of stack.values) counts[value]!++;
    table.push([listed('mask'), listed('overlay'), ...counts]);
  }
  const named = model.classOutputs?.length === classes ? model.classOutputs : null;
  const pixels = Array.from({ length: classes }, (_, i) => `pixels_${named?.[i] ?? i}`);
  return { columns: ['mask', 'overlay', ...pixels], rows: table };
}

/** How an output row becomes masks, one for each of `frames` pictures. */
function stacked(
  label: string,
  dims: readonly number[],
  scale: 'probabilities' | 'raw',
  frames: number,
): (values: Float32Array) => MaskStack {
  const refuse = (why: string): KonsilError =>
    new KonsilError('MODEL_MISMATCH', `${label}: output [rows${dims.map((dim) => `, ${dim}`).join('')}] ${why}`);
  if (frames === 0) throw refuse('has no pictures to lie over: the task selects no image column');
  // [H, W], [C, H, W], [frames, H, W] or [C, frames, H, W]
  const [height, width] = dims.slice(-2) as [number, number];
  const before = dims.slice(0, -2);
  const isOverFrames = before.at(-1) === frames && frames > 1;
  const channels = before.slice(0, isOverFrames ? -1 : undefined);
  if (dims.length < 2 || channels.length > 1)
    throw refuse('is no image; expected [H, W], [C, H, W] or [C, frames, H, W]');
  if (!isOverFrames && frames > 1) throw refuse(`is one image, of rows with ${frames}; select one, or give as many`);
  const depth = isOverFrames ? frames : 1;
  const count = channels[0] ?? 1;
  const plane = depth * height * width;
  const threshold = scale === 'probabilities' ? 0.5 : 0;
  return (values) => {
    const mask = new Uint8Array(plane);
    for (let i = 0; i < plane; i++) {
      if (count === 1) mask[i] = values[i]! > threshold ? 1 : 0;
      else {
        let best = 0;
        for (let c = 1; c < count; c++) if (values[c * plane + i]! > values[best * plane + i]!) best = c;
        mask[i] = best;
      }
    }
    return { values: mask, frames: depth, height, width, classes: Math.max(2, count) };
  };
}
