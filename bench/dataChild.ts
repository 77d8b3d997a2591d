/** Reads and decodes all DICOM files of a folder; prints the median CPU seconds of nine passes and the sum of all pixels. @module */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDicom } from '../src/datasources/formats/dicom/dicomFormat.ts';

const folder = process.argv[2]!;
const paths = readdirSync(folder)
  .sort()
  .map((name) => join(folder, name));

/** Passes over all files; the median is taken, so that neither side is measured while it warms up. */
const PASSES = 9;

async function decode(path: string): Promise<ArrayLike<number>[]> {
  const record = readDicom(new Uint8Array(readFileSync(path)), path);
  const frames = [];
  for (let frame = 0; frame < record.frames; frame++) frames.push((await record.stored(frame)).values);
  return frames;
}

const seconds: number[] = [];
for (let pass = 0; pass < PASSES; pass++) {
  const start = process.cpuUsage();
  for (const path of paths) await decode(path);
  const { user, system } = process.cpuUsage(start);
  seconds.push((user + system) / 1e6);
}
let total = 0;
for (const path of paths)
  for (const values of await decode(path)) for (let i = 0; i < values.length; i++) total += values[i]!;
process.stdout.write(`${seconds.sort((a, b) => a - b)[PASSES >> 1]} ${total}\n`);
