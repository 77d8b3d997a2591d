/**
 * Files of Topcon's OCT devices.
 * @module
 */
export { readTopconContours, type TopconContour } from './topconContours.ts';
export { topconFormat } from './topconFormat.ts';
