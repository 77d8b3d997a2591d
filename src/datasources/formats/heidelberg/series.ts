/**
 * A series of a Heidelberg device, whichever file it comes from, and the rows that a data source makes of it: one for the
 * B-scans, one for the picture of the fundus that shows where they lie.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import { patientKey, type SpacingMm, spacingColumns, textCell } from '../deviceColumns.ts';
import type { ImageRecord, PixelData } from '../imageRecord.ts';

/** An image of a series. */
export interface HeidelbergImage {
  readonly width: number;
  readonly height: number;
  /** Grey as the viewer shows it, shape `[height, width, 1]`. @throws KonsilError DATA_INVALID for broken pixels. */
  grey(): PixelData;
  /** Reflectivity of a B-scan (NaN: no value), grey of any other image; shape `[height, width]`. Throws as `grey`. */
  raw(): Float32Array;
}

/** The border between two layers of the retina on one B-scan. */
export interface Layer {
  /** B-scan in [0, B-scans of the series). */
  readonly bscan: number;
  /** The file's number of the layer. */
  readonly id: number;
  /** Name of the border, where it is known; the numbers of an E2E file and of a `.vol` differ. */
  readonly name: string | null;
  /** Row in the B-scan for every column, in pixels from the top; NaN where there is none. */
  readonly rows: Float32Array;
}

/** Everything of one series. */
export interface HeidelbergSeries {
  /** What the file calls the patient: `issuer|number`. */
  readonly patient: string | null;
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly birthDate: string | null;
  readonly sex: string | null;
  readonly studyId: string | null;
  readonly seriesNumber: number | null;
  readonly studyDate: string | null;
  readonly laterality: 'L' | 'R' | null;
  readonly model: string | null;
  readonly protocol: string | null;
  readonly scanPattern: string | null;
  /** In the order of the scan. */
  readonly bscans: readonly HeidelbergImage[];
  readonly bscanTime: string | null;
  readonly bscanSpacing: SpacingMm;
  /** Scanning laser ophthalmoscope, or another picture of the fundus. */
  readonly fundus: readonly HeidelbergImage[];
  readonly fundusTime: string | null;
  readonly fundusSpacing: SpacingMm;
  /** Segmentation that the file holds. @throws KonsilError DATA_INVALID when it is broken. */
  layers(): readonly Layer[];
}

export const NO_SPACING: SpacingMm = { row: null, column: null, slice: null };

const MANUFACTURER = 'Heidelberg Engineering';

/** The rows of a series: `Modality` OCT and SLO, those that it has. */
export function recordsOf(series: HeidelbergSeries): ImageRecord[] {
  const { bscans, bscanTime, bscanSpacing, fundus, fundusTime, fundusSpacing } = series;
  return [
    ...(bscans.length > 0 ? [recordOf(series, 'OCT', bscans, bscanTime, bscanSpacing)] : []),
    ...(fundus.length > 0 ? [recordOf(series, 'SLO', fundus, fundusTime, fundusSpacing)] : []),
  ];
}

function recordOf(
  series: HeidelbergSeries,
  modality: 'OCT' | 'SLO',
  images: readonly HeidelbergImage[],
  time: string | null,
  spacing: SpacingMm,
): ImageRecord {
  const [first] = images;
  // a series may mix sizes; then there is no one size to state
  const common = (key: 'width' | 'height'): number | null =>
    images.every((image) => image[key] === first![key]) ? first![key] : null;
  const columns: Record<string, Cell> = {
    Modality: modality,
    Manufacturer: MANUFACTURER,
    ManufacturerModelName: series.model,
    Laterality: series.laterality,
    NumberOfFrames: images.length,
    Rows: common('height'),
    Columns: common('width'),
    BitsAllocated: 8,
    SamplesPerPixel: 1,
    ...spacingColumns(spacing),
    ScanPattern: series.scanPattern,
    ProtocolName: series.protocol,
    PatientID: series.patientId,
    PatientName: series.patientName,
    PatientBirthDate: series.birthDate,
    PatientSex: series.sex,
    StudyID: series.studyId,
    StudyDate: series.studyDate,
    SeriesNumber: series.seriesNumber,
    AcquisitionDateTime: time,
  };
  return {
    columns,
    ...(series.patient === null ? {} : { patient: series.patient }),
    frames: images.length,
    async frame(index) {
      const image = images[index];
      if (image === undefined) throw new RangeError(`frame must be in [0, ${images.length}), got ${index}`);
      return image.grey();
    },
  };
}

/** `patient` of a series: by the number that people use, else by the number in Heidelberg's own database, else unknown. */
export function findPatient(id: string | null, databaseNumber: number | null): string | null {
  if (textCell(id) !== null) return patientKey('', id!);
  return databaseNumber === null ? null : patientKey('heidelberg', String(databaseNumber));
}
