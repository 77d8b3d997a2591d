/**
 * Sample files of devices that may not be kept here, in a folder beside the repository that most machines do not have.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'vitest';

const FOLDER = new URL('../../../shared/samples/', import.meta.url);

/** A sample by its path in the folder. @throws when it is not there */
export function readSample(path: string): Uint8Array {
  return readFileSync(new URL(path, FOLDER));
}

/** A test of samples; without them it is skipped and says why. */
export function itWithSamples(name: string, test: () => void | Promise<void>): void {
  if (existsSync(FOLDER)) it(name, test);
  else it.skip(`${name} (no folder shared/samples beside the repository)`, test);
}
