/**
 * Files of Heidelberg Engineering's OCT devices, for a data source.
 * @module
 */
import { OPEN_DEVICE_COLUMNS } from '../deviceColumns.ts';
import type { ImageFormat } from '../imageRecord.ts';
import { isE2e } from './e2eContainer.ts';
import { readE2eSeries } from './e2eSeries.ts';
import { type HeidelbergSeries, recordsOf } from './series.ts';
import { isVol, readVolSeries } from './volSeries.ts';

/**
 * All series of a file with what the rows of a data source leave out: reflectivities and layers.
 * @throws KonsilError DATA_INVALID naming the file and the place, DATA_UNSUPPORTED.
 */
export function readHeidelbergSeries(bytes: Uint8Array, label: string): readonly HeidelbergSeries[] {
  return isVol(bytes) ? [readVolSeries(bytes, label)] : readE2eSeries(bytes, label);
}

/**
 * .E2E, .sdb, .pdb, .edb and .vol: for every series a row of B-scans (`Modality` OCT) and one of its pictures of the
 * fundus (SLO), with the same `SeriesNumber` and `StudyID`. A file with patients or exams alone gives no row.
 */
export const heidelbergFormat: ImageFormat = {
  extensions: ['.e2e', '.sdb', '.pdb', '.edb', '.vol'],
  headBytes: 24,
  matches: (head) => isE2e(head) || isVol(head),
  async read(bytes, label) {
    return readHeidelbergSeries(bytes, label).flatMap(recordsOf);
  },
  openColumns: OPEN_DEVICE_COLUMNS,
};
