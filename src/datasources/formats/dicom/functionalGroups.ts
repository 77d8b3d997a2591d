/**
 * Functional groups of multi-frame images: what the standard says of all frames, or of each, in sequences.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import { cellOf } from './cells.ts';
import type { DataSet } from './dataSet.ts';
import { findAttribute } from './dictionary.ts';

const SHARED = 'x52009229';
const PER_FRAME = 'x52009230';

/** Sequence and its attributes that are columns too, as those of single-frame images are. @source DICOM PS3.3 §C.7.6.16. */
const SHOWN: readonly (readonly [sequence: string, tags: readonly string[]])[] = [
  ['x00289110', ['x00280030', 'x00180050', 'x00180088']], // pixel measures: spacing, thickness, distance of slices
  ['x00209071', ['x00209072']], // frame anatomy: laterality
  ['x00209116', ['x00200037']], // plane orientation
  ['x00209113', ['x00200032']], // plane position
  ['x00220031', ['x00081155']], // ophthalmic frame location: the image that shows where a frame lies
  ['x00289145', ['x00281052', 'x00281053', 'x00281054']], // pixel value transformation: intercept, slope, type
];

/** Items of `sequence` for frame `index`: the frame's own, else those of all frames. */
export function groupItems(dataSet: DataSet, sequence: string, index: number): readonly DataSet[] {
  const own = dataSet.items(PER_FRAME)[index]?.items(sequence) ?? [];
  return own.length > 0 ? own : (dataSet.items(SHARED)[0]?.items(sequence) ?? []);
}

/** Keyword and cell of what the groups say of the first frame. */
export function* functionalGroupCells(dataSet: DataSet): Generator<readonly [string, Cell]> {
  if (dataSet.elements[SHARED] === undefined && dataSet.elements[PER_FRAME] === undefined) return;
  for (const [sequence, tags] of SHOWN) {
    const item = groupItems(dataSet, sequence, 0)[0];
    for (const tag of tags) {
      const element = item?.elements[tag];
      const cell = item && element && cellOf(item, element);
      if (cell !== undefined) yield [findAttribute(tag)!.keyword, cell];
    }
  }
}
