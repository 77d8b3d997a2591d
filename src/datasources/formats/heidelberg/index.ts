/**
 * Files of Heidelberg Engineering's OCT devices.
 * @module
 */
export { heidelbergFormat, readHeidelbergSeries } from './heidelbergFormat.ts';
export type { HeidelbergImage, HeidelbergSeries, Layer } from './series.ts';
