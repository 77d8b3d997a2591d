/**
 * Files of Topcon's OCT devices, for a data source.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import { OPEN_DEVICE_COLUMNS, patientKey, type SpacingMm, spacingColumns } from '../deviceColumns.ts';
import type { ImageFormat, ImageRecord } from '../imageRecord.ts';
import { isTopcon, readTopconChunks, type TopconChunk } from './topconChunks.ts';
import { readCapture, readModel, readPatient, readSpacing } from './topconFacts.ts';
import { findBscans, findFundus, type TopconImages } from './topconImages.ts';

/** .fda and .fds: a row of B-scans (`Modality` OCT), and one of the picture of the fundus (OP) if there is one. */
export const topconFormat: ImageFormat = {
  extensions: ['.fda', '.fds'],
  headBytes: 16,
  matches: isTopcon,
  async read(bytes, label) {
    const chunks = readTopconChunks(bytes, label);
    const bscans = findBscans(chunks);
    const fundus = findFundus(chunks);
    const unknown: SpacingMm = { row: null, column: null, slice: null };
    return [
      ...(bscans === undefined ? [] : [recordOf(chunks, 'OCT', bscans, readSpacing(chunks, bscans))]),
      ...(fundus === undefined ? [] : [recordOf(chunks, 'OP', fundus, unknown)]),
    ];
  },
  openColumns: OPEN_DEVICE_COLUMNS,
};

function recordOf(
  chunks: readonly TopconChunk[],
  modality: 'OCT' | 'OP',
  images: TopconImages,
  spacing: SpacingMm,
): ImageRecord {
  const { patientId, patientName, birthDate, sex } = readPatient(chunks);
  const { laterality, date, time } = readCapture(chunks);
  const columns: Record<string, Cell> = {
    Modality: modality,
    Manufacturer: 'Topcon',
    ManufacturerModelName: readModel(chunks),
    Laterality: laterality,
    NumberOfFrames: images.frames,
    Rows: images.height,
    Columns: images.width,
    BitsAllocated: images.bits,
    SamplesPerPixel: images.channels,
    ...spacingColumns(spacing),
    ScanPattern: images.scanPattern,
    PatientID: patientId,
    PatientName: patientName,
    PatientBirthDate: birthDate,
    PatientSex: sex,
    StudyDate: date,
    AcquisitionDateTime: time,
  };
  return {
    columns,
    ...(patientId === null ? {} : { patient: patientKey('', patientId) }),
    frames: images.frames,
    async frame(index) {
      if (!(Number.isInteger(index) && index >= 0 && index < images.frames))
        throw new RangeError(`frame must be in [0, ${images.frames}), got ${index}`);
      return images.frame(index);
    },
  };
}
