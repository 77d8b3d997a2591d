/**
 * What a simulation leaves in a folder.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KonsilError, messageOf } from '../../src/base/index.ts';
import type { SimulationResult } from '../result.ts';
import { type ExtraSection, renderSimulation } from './html.ts';
import { renderJUnit } from './junit.ts';

/** Writes result.json, junit.xml and report.html. @throws KonsilError FILE_WRITE_FAILED naming the folder. */
export function writeReports(folder: string, result: SimulationResult, extra: readonly ExtraSection[] = []): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(join(folder, 'junit.xml'), renderJUnit(result));
    writeFileSync(join(folder, 'report.html'), renderSimulation(result, extra));
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${folder}: ${messageOf(cause)}`, { file: folder }, { cause });
  }
}
