/**
 * NIfTI files.
 * @module
 */
export type { NiftiAffine } from './niftiAffine.ts';
export { niftiFormat } from './niftiFormat.ts';
export { type NiftiVolume, readVolume } from './niftiVolume.ts';
