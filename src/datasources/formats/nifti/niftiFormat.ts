/**
 * NIfTI files, for a data source.
 * @module
 */
import type { Cell } from '../../dataSource.ts';
import { positive, spacingColumns, textCell } from '../deviceColumns.ts';
import type { ImageFormat, ImageRecord } from '../imageRecord.ts';
import { affineOf } from './niftiAffine.ts';
import { bytesAt, HEAD_BYTES, headOf } from './niftiBytes.ts';
import { findLayout, type NiftiHeader, readNiftiHeader } from './niftiHeader.ts';
import { sliceOf } from './niftiVolume.ts';

/** Units of distance by the low three bits of `xyzt_units`, and how many millimetres they are. */
const SPATIAL_UNITS = new Map([
  [1, { name: 'm', mm: 1000 }],
  [2, { name: 'mm', mm: 1 }],
  [3, { name: 'um', mm: 0.001 }],
]);
/** Units of the fourth axis by the next three bits. */
const TEMPORAL_UNITS = new Map([
  [8, 's'],
  [16, 'ms'],
  [24, 'us'],
  [32, 'Hz'],
  [40, 'ppm'],
  [48, 'rad/s'],
]);

/**
 * .nii and .nii.gz. One row; its frames are the axial slices as they lie in the file, x fastest, the first row is y = 0: what
 * that means for the patient is in `Affine`, most often the first row is posterior. Slices ascend in z, then in t.
 */
export const niftiFormat: ImageFormat = {
  // a header alone is refused with a reason, in place of being passed over
  extensions: ['.nii', '.nii.gz', '.hdr'],
  headBytes: HEAD_BYTES,
  matches: (head) => findLayout(headOf(head)) !== undefined,
  async read(bytes, label) {
    return [recordOf(bytes, label)];
  },
  openColumns: new Set([
    ...['NumberOfFrames', 'Rows', 'Columns', 'Slices', 'TimePoints', 'Dimensions', 'SamplesPerPixel', 'BitsAllocated'],
    ...['PixelSpacing', 'RowSpacing', 'ColumnSpacing', 'SpacingBetweenSlices', 'SliceThickness', 'TemporalSpacing'],
    ...['SpatialUnits', 'TemporalUnits', 'Affine', 'AffineMethod', 'Datatype', 'RescaleSlope', 'RescaleIntercept'],
    'IntentCode',
  ]),
};

function recordOf(bytes: Uint8Array, label: string): ImageRecord {
  const header = readNiftiHeader(headOf(bytes), label);
  const frames = header.dims[2] * header.dims[3];
  // slices are asked for one after another: the uncompressed file is kept while the memory is not needed elsewhere
  let cache: WeakRef<Uint8Array> | undefined;
  return {
    columns: columnsOf(header, frames),
    frames,
    async frame(index) {
      if (!(Number.isInteger(index) && index >= 0 && index < frames))
        throw new RangeError(`frame must be in [0, ${frames}), got ${index}`);
      const raw = cache?.deref() ?? (await bytesAt(bytes, header.dataAt, header.dataBytes, label));
      cache = new WeakRef(raw);
      return sliceOf(header, raw, index);
    },
  };
}

function columnsOf(header: NiftiHeader, frames: number): Record<string, Cell> {
  const { dims, pixdim, datatype, scaling, text } = header;
  const affine = affineOf(header);
  const spatial = SPATIAL_UNITS.get(header.units & 7);
  // who leaves the unit out means millimetres
  const mm = (axis: number): number | null => positive(pixdim[axis]! * (spatial?.mm ?? 1));
  return {
    Rows: dims[1],
    Columns: dims[0],
    Slices: dims[2],
    TimePoints: dims[3],
    NumberOfFrames: frames,
    Dimensions: dims.slice(0, Math.min(4, header.rank)).join('x'),
    SamplesPerPixel: datatype.channels,
    BitsAllocated: (8 * datatype.bytes) / datatype.channels,
    Datatype: datatype.name,
    ...spacingColumns({ row: mm(1), column: mm(0), slice: mm(2) }),
    SliceThickness: mm(2),
    TemporalSpacing: positive(pixdim[3]),
    SpatialUnits: spatial?.name ?? null,
    TemporalUnits: TEMPORAL_UNITS.get(header.units & 0x38) ?? null,
    Affine: affine === null ? null : affine.rows.map((row) => row.join(' ')).join(' '),
    AffineMethod: affine?.method ?? null,
    RescaleSlope: scaling?.slope ?? null,
    RescaleIntercept: scaling?.intercept ?? null,
    IntentCode: header.intentCode,
    IntentName: textCell(text.intentName),
    Description: textCell(text.description),
    AuxiliaryFile: textCell(text.auxFile),
    DatabaseName: textCell(text.dbName),
  };
}
