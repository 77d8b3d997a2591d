/**
 * One small file of every kind that readers of devices' files know, from known values; no person is real.
 * @module
 */
import { gzipSync } from 'node:zlib';
import {
  bscanChunk,
  bscanFactsChunk,
  type E2eOptions,
  lateralityChunk,
  layerChunk,
  patientChunk,
  sloChunk,
  sloFactsChunk,
  studyChunk,
  textChunk,
  writeE2e,
} from './e2eFile.ts';
import { writeNifti } from './niftiFile.ts';
import {
  capture,
  contour,
  hardware,
  jpegScans,
  observation,
  patientInfo,
  photograph,
  rawScans,
  scanSize,
  writeTopcon,
} from './topconFile.ts';
import { writeVol } from './volFile.ts';

/** Codes of reflectivities of B-scan `index`, shape [3, 4]: every code from dark to white is among the greys. */
export function exampleCodes(index: number): Uint16Array {
  return Uint16Array.from({ length: 12 }, (_, i) => 0xc800 + 1024 * i + 37 * index);
}

/** Grey of the fundus, shape [5, 6]. */
export const EXAMPLE_SLO = Uint8Array.from({ length: 30 }, (_, i) => 8 * i);

/** Chunks of a series of three B-scans of [3, 4] with an SLO picture of [5, 6], of a left eye. */
export const EXAMPLE_E2E_CHUNKS = [
  patientChunk({ given: 'Jörg', family: 'Beispiel', birthDate: '1950-03-07', sex: 'M', id: 'A 77' }),
  studyChunk('2021-06-30'),
  textChunk(9001, 'Spectralis'),
  textChunk(9006, 'OCT Volume'),
  lateralityChunk('L'),
  sloChunk(EXAMPLE_SLO, 6),
  sloFactsChunk('2021-06-30T08:15:00Z'),
  // not in the order of the scan: the number of the image is
  ...[2, 0, 1].flatMap((index) => [
    bscanChunk(exampleCodes(index), 4, index),
    bscanFactsChunk(index, 0.00387, `2021-06-30T08:15:0${1 + index}Z`),
    layerChunk(index, 5, [1, 1.5, 0, 3.4e38], index === 0 ? 16 : 36),
  ]),
];

export function exampleE2e(options: E2eOptions = {}): Uint8Array {
  return writeE2e(EXAMPLE_E2E_CHUNKS, options);
}

/** Two B-scans of [2, 3], the values of which grow, and one that is missing. */
export function exampleVol(): Uint8Array {
  const bscans = [0, 1].map((scan) => Float32Array.from([0, 0.001, 0.01, 0.1 + scan / 8, 1, 3.4e38]));
  const layers = bscans.map((_, scan) => [Float32Array.of(0.5, 1, scan), Float32Array.of(1.5, 3.4e38, 2)]);
  const slo = { width: 4, height: 2, grey: Uint8Array.of(0, 10, 20, 30, 40, 50, 60, 255) };
  return writeVol({
    ...{ width: 3, height: 2, bscans, layers, slo, scale: [0.011, 0.24, 0.0039], eye: 'OS', pattern: 3 },
    ...{ time: '2019-02-03T04:05:06Z', patientId: 'B-9', birthDate: '1961-12-31' },
  });
}

const WHO = patientInfo({ id: 'C/5', given: 'Ann', family: 'Example', middle: 'B', sex: 2, birth: [1948, 2, 29] });
/** Blue, green, red of two pixels. */
export const EXAMPLE_BGR = Uint8Array.of(1, 2, 3, 250, 20, 10);
/** B-scans of [4, 5]. */
export const EXAMPLE_SCANS = [0, 1].map((k) => Uint8Array.from({ length: 20 }, (_, i) => 11 * i + 30 * k));

/** Two B-scans of [4, 5] as JPEG 2000, a photograph of [1, 2], two contours. */
export async function exampleFda(): Promise<Uint8Array> {
  return writeTopcon('FDA', [
    ...[hardware('3DOCT-2000'), WHO, capture(1, [2018, 11, 5, 16, 40, 59])],
    await jpegScans(EXAMPLE_SCANS, { width: 5, height: 4 }),
    scanSize(6, 4.5, 2.6),
    await photograph(EXAMPLE_BGR, { width: 2, height: 1 }),
    contour('MULTILAYERS_1', 5, Uint16Array.of(4, 3, 2, 1, 0, 9, 3, 3, 3, 3)),
    contour('MULTILAYERS_7', 5, Float64Array.of(0.5, 1, 1.5, 2, Number.NaN, -1, 0, 0, 0, 0)),
  ]);
}

/** Samples of the B-scans of {@link exampleFds}, shape [2, 3]. */
export const EXAMPLE_RAW = [0, 1].map((k) => Uint16Array.of(0, 1, 256, 40_000 + k, 65_535, 7));

/** The same B-scans as taken and moved, and what the operator saw. */
export function exampleFds(): Uint8Array {
  const size = { width: 3, height: 2 };
  return writeTopcon('FDS', [
    ...[hardware('3DOCT-2000'), WHO, capture(0, [2018, 11, 5, 16, 40, 59]), scanSize(6, 6, 3.5)],
    rawScans('@IMG_MOT_COMP_03', EXAMPLE_RAW.toReversed(), size, 16),
    rawScans('@IMG_SCAN_03', EXAMPLE_RAW, size),
    observation(EXAMPLE_BGR, { width: 2, height: 1 }),
  ]);
}

/** Stored values of [2, 2, 3, 4] as t, z, y, x. */
export const EXAMPLE_VOXELS = Int16Array.from({ length: 48 }, (_, i) => 100 * i - 2000);

export function exampleNifti(version: 1 | 2 = 1, bigEndian = false): Uint8Array {
  return writeNifti({
    ...{ version, bigEndian, dim: [4, 4, 3, 2, 2, 1, 1, 1], pixdim: [1, 0.5, 0.75, 2, 1.5], datatype: 4 },
    ...{ values: EXAMPLE_VOXELS, slope: 0.5, intercept: 10, description: 'Ann Example' },
    sform: { code: 1, rows: [0.5, 0, 0, -1, 0, 0.75, 0, -2, 0, 0, 2, -3] },
  });
}

/** Every kind, by the name of a file. */
export async function allExamples(): Promise<Readonly<Record<string, Uint8Array>>> {
  return {
    'a.e2e': exampleE2e(),
    'multiple.e2e': exampleE2e({ multiple: true, entriesPerDirectory: 4 }),
    'lost.sdb': exampleE2e({ directory: 'lost' }),
    'a.vol': exampleVol(),
    'a.fda': await exampleFda(),
    'a.fds': exampleFds(),
    'a.nii': exampleNifti(),
    'two.nii': exampleNifti(2, true),
    'a.nii.gz': gzipSync(exampleNifti()),
  };
}
