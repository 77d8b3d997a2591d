/**
 * Kinds of image files by name. Each is loaded when the first file of its kind is read: decoders are large.
 * @module
 */
import type { ImageFormatName } from '../dataSource.ts';
import type { ImageFormat } from './imageRecord.ts';

const LOADERS: Readonly<Record<ImageFormatName, () => Promise<ImageFormat>>> = {
  raster: async () => (await import('./raster/rasterFormat.ts')).rasterFormat,
  dicom: async () => (await import('./dicom/dicomFormat.ts')).dicomFormat,
  nifti: async () => (await import('./nifti/niftiFormat.ts')).niftiFormat,
  heidelberg: async () => (await import('./heidelberg/heidelbergFormat.ts')).heidelbergFormat,
  topcon: async () => (await import('./topcon/topconFormat.ts')).topconFormat,
};

/** The reader of a kind of files. */
export async function openFormat(name: ImageFormatName): Promise<ImageFormat> {
  return LOADERS[name]();
}
