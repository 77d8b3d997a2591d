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
  const levels = new Map<string, Level>();
  for (const chunk of readE2eChunks(bytes, label)) {
    const key = keyOf(chunk.patient, chunk.exam, chunk.series);
    let level = levels.get(key);
    if (level === undefined) levels.set(key, (level = new Level()));
    level.add(chunk);
  }
  return [...levels.values()]
    .filter((level) => level.find(TYPE.image) !== undefined)
    .map((own) => {
      const { patient, exam } = own.chunks[0]!;
      const keys = [keyOf(patient, exam, -1), keyOf(patient, -1, -1), keyOf(-1, -1, -1)];
      return seriesOf(
        own,
        keys.map((key) => levels.get(key)).filter((level) => level !== undefined),
      );
    });
}

function keyOf(patient: number, exam: number, series: number): string {
  return `${patient}/${exam}/${series}`;
}

/** Chunks of one series, exam or patient. A file may have many series, so what is asked of those above is kept. */
class Level {
  readonly chunks: E2eChunk[] = [];
  readonly #last = new Map<number, E2eChunk>();
  #laterality: 'L' | 'R' | null | undefined;

  add(chunk: E2eChunk): void {
    this.chunks.push(chunk);
    // later chunks replace earlier ones: a database appends
    this.#last.set(chunk.type, chunk);
  }

  find(type: number): E2eChunk | undefined {
    return this.#last.get(type);
  }

  get laterality(): 'L' | 'R' | null {
    if (this.#laterality === undefined) this.#laterality = readLaterality(this.chunks);
    return this.#laterality;
  }
}

function seriesOf(own: Level, above: readonly Level[]): HeidelbergSeries {
  const { patient: number, exam, series } = own.chunks[0]!;
  const levels = [own, ...above];
  const find = (type: number): E2eChunk | undefined =>
    levels.reduce<E2eChunk | undefined>((found, level) => found ?? level.find(type), undefined);
  const bscans = imagesOf(own.chunks, 'OCT');
  const fundus = imagesOf(own.chunks, 'SLO');
  const patient = readPatient(find(TYPE.patient));
  const facts = readBscan(own.chunks.find(({ type, image }) => type === TYPE.bscan && image === bscans[0]?.number));
  return {
    patient: findPatient(patient.patientId, number < 0 ? null : number),
    ...patient,
    studyId: exam < 0 ? null : String(exam),
    seriesNumber: series < 0 ? null : series,
    studyDate: readStudyDate(find(TYPE.study)),
    laterality: levels.reduce<'L' | 'R' | null>((found, level) => found ?? level.laterality, null),
    model: readFirstText(find(TYPE.device)),
    protocol: readFirstText(find(TYPE.scanPattern)),
    scanPattern: null,
    bscans: bscans.map(({ image }) => image),
    bscanTime: facts.time,
    bscanSpacing: { ...NO_SPACING, row: facts.row },
    fundus: fundus.map(({ image }) => image),
    fundusTime: readSloTime(find(TYPE.slo)),
    fundusSpacing: NO_SPACING,
    layers: () => layersOf(own.chunks, new Map(bscans.map(({ number }, i) => [number, i]))),
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
