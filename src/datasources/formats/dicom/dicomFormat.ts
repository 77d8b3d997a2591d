/**
 * DICOM files as rows: attributes as columns, frames as images.
 * @module
 */
import type { ImageFormat, ImageRecord, PixelData } from '../imageRecord.ts';
import { columnsOf, patientOf } from './columns.ts';
import { DataSet } from './dataSet.ts';
import { looksLikeDicom, openDicom } from './dicomFile.ts';
import { locateFrames } from './frames.ts';
import { imageAttributesOf } from './imageAttributes.ts';
import { unsupported } from './invalid.ts';
import { OPEN_COLUMNS } from './openColumns.ts';
import { framePixels, storedPixels } from './pixels.ts';
import type { Image } from './storedFrame.ts';
import { nameUnread, TRANSFER_SYNTAXES } from './transferSyntax.ts';
import { windowOf } from './window.ts';

/** A row that also gives pixels as the file stores them. */
export interface DicomRecord extends ImageRecord {
  /** Stored values of frame `index`: no slope, no palette, no colours converted but those a codec converts. */
  stored(index: number): Promise<PixelData>;
}

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

/** Preamble and `DICM`. */
const HEAD_BYTES = 132;

export const dicomFormat: ImageFormat = {
  // files of archives often have no extension; `matches` finds them
  extensions: ['.dcm', '.dicom', '.dic', '.ima'],
  headBytes: HEAD_BYTES,
  matches: looksLikeDicom,
  read: async (bytes, label) => (isDirectory(bytes) ? [] : [readDicom(bytes, label)]),
  openColumns: OPEN_COLUMNS,
};

/** Whether it is a DICOMDIR, which lists the files of a medium and is no row. @source DICOM PS3.3 §F.3. */
function isDirectory(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024));
  return looksLikeDicom(head) && head.toString('latin1').includes(`UI\x14\0${MEDIA_STORAGE_DIRECTORY}`);
}

/** @throws KonsilError DATA_INVALID when the file, or its pixels, are not all there; DATA_UNSUPPORTED. */
export function readDicom(bytes: Uint8Array, label: string): DicomRecord {
  const file = openDicom(bytes, label);
  const meta = new DataSet(file.meta.bytes, file.meta.elements, { explicit: true, littleEndian: true }, label);
  const dataSet = new DataSet(file.bytes, file.elements, file.encoding, label);
  const image = openImage(file.bytes, dataSet, file.transferSyntax, label);
  const frames = image?.attributes.frames ?? 0;
  const patient = patientOf(dataSet);
  // only listing a file needs them; decoding its pixels, again and again, does not
  let columns: ImageRecord['columns'] | undefined;
  const present = (): Image => {
    if (image !== undefined) return image;
    throw new RangeError('frame of a row without images');
  };
  return {
    get columns() {
      columns ??= { ...columnsOf(meta, dataSet), NumberOfFrames: frames };
      return columns;
    },
    ...(patient === undefined ? {} : { patient }),
    frames,
    frame: async (index) => {
      const { attributes } = present();
      const pixels = await framePixels(present(), index);
      const window = windowOf(dataSet, attributes, pixels);
      return { ...pixels, ...(window && { window }) };
    },
    stored: async (index) => await storedPixels(present(), index),
  };
}

function openImage(
  bytes: Uint8Array,
  dataSet: DataSet,
  transferSyntax: string | undefined,
  label: string,
): Image | undefined {
  const attributes = imageAttributesOf(dataSet, label);
  if (attributes === undefined) return undefined;
  // one that is not known may order its pixels in any way
  if (transferSyntax !== undefined && TRANSFER_SYNTAXES[transferSyntax] === undefined)
    throw unsupported(label, `has pixels in ${nameUnread(transferSyntax)}, which is not read`);
  const frames = locateFrames(bytes, dataSet, attributes, label);
  return { label, dataSet, attributes, frames, transferSyntax };
}
