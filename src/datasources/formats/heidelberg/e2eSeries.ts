/**
 * The series of an E2E file: chunks with the same patient, exam and series, and those of the levels above.
 * @module
 */
import { KonsilError } from '../../../base/index.ts';
import { type E2eChunk, readE2eChunks } from './e2eContainer.ts';
import {
  readBscan,
  readFirstText,
  readLaterality,
  readLayer,
  readPatient,
  readSloTime,
  readStudyDate,
  TYPE,
} from './e2eFacts.ts';
import { type E2eImage, readE2eImage } from './e2eImage.ts';
import { findPatient, type HeidelbergSeries, NO_SPACING } from './series.ts';

/** All series that have an image, in the order of the file. @throws KonsilError DATA_INVALID, DATA_UNSUPPORTED */
export function readE2eSeries(bytes: Uint8Array, label: string): readonly HeidelbergSeries[] {
  const chunks = readE2eChunks(bytes, label);
  const levels = new Map<string, E2eChunk[]>();
  for (const chunk of chunks) {
    const key = keyOf(chunk.patient, chunk.exam, chunk.series);
    const level = levels.get(key);
    if (level === undefined) levels.set(key, [chunk]);
    else level.push(chunk);
  }
  const series: HeidelbergSeries[] = [];
  for (const level of levels.values()) {
    const { patient, exam } = level[0]!;
    if (!level.some(({ type }) => type === TYPE.image)) continue;
    const above = [keyOf(patient, exam, -1), keyOf(patient, -1, -1), keyOf(-1, -1, -1)].map((k) => levels.get(k) ?? []);
    series.push(seriesOf(level, above.flat()));
  }
  return series;
}

function keyOf(patient: number, exam: number, series: number): string {
  return `${patient}/${exam}/${series}`;
}

function seriesOf(own: readonly E2eChunk[], above: readonly E2eChunk[]): HeidelbergSeries {
  const { patient: number, exam, series } = own[0]!;
  // later chunks replace earlier ones: a database appends
  const find = (type: number): E2eChunk | undefined =>
    own.findLast((chunk) => chunk.type === type) ?? above.findLast((chunk) => chunk.type === type);
  const bscans = imagesOf(own, 'OCT');
  const fundus = imagesOf(own, 'SLO');
  const patient = readPatient(find(TYPE.patient));
  const facts = readBscan(own.find(({ type, image }) => type === TYPE.bscan && image === bscans[0]?.number));
  return {
    patient: findPatient(patient.patientId, number < 0 ? null : number),
    ...patient,
    studyId: exam < 0 ? null : String(exam),
    seriesNumber: series < 0 ? null : series,
    studyDate: readStudyDate(find(TYPE.study)),
    laterality: readLaterality(own) ?? readLaterality(above),
    model: readFirstText(find(TYPE.device)),
    protocol: readFirstText(find(TYPE.scanPattern)),
    scanPattern: null,
    bscans: bscans.map(({ image }) => image),
    bscanTime: facts.time,
    bscanSpacing: { ...NO_SPACING, row: facts.row },
    fundus: fundus.map(({ image }) => image),
    fundusTime: readSloTime(find(TYPE.slo)),
    fundusSpacing: NO_SPACING,
    layers: () => layersOf(own, new Map(bscans.map(({ number }, i) => [number, i]))),
  };
}

/** Images of a modality by ascending number; a number that occurs twice is the later one. */
function imagesOf(chunks: readonly E2eChunk[], modality: E2eImage['modality']): { number: number; image: E2eImage }[] {
  const images = new Map<number, E2eImage>();
  for (const chunk of chunks) {
    if (chunk.type !== TYPE.image) continue;
    const image = readE2eImage(chunk);
    if (image.modality === modality) images.set(chunk.image, image);
  }
  return [...images].map(([number, image]) => ({ number, image })).sort((a, b) => a.number - b.number);
}

function layersOf(chunks: readonly E2eChunk[], bscanOf: ReadonlyMap<number, number>) {
  return chunks
    .filter(({ type }) => type === TYPE.layer)
    .map((chunk) => {
      const bscan = bscanOf.get(chunk.image);
      if (bscan === undefined)
        throw new KonsilError('DATA_INVALID', `${chunk.payload.label}: a layer of a B-scan that is not there`);
      return readLayer(chunk, bscan);
    });
}
