/**
 * `FederatedStatistics` at a site: figures of its training rows, as the task's data structure has them.
 * @module
 */
import { randomBytes } from '../../crypto/index.ts';
import { type DataSource, DEFAULT_TRANSFORMS, type ImageColumns } from '../../datasources/index.ts';
import {
  bucketInput,
  CHANNELS,
  columnsOf,
  FIGURE_STEPS,
  loadSiteData,
  type PublicFacts,
  type SiteData,
  type SiteDataOptions,
  type StatisticsRows,
  type StepSum,
  statisticsInput,
  textInput,
  type VocabularyGiving,
} from '../../protocols/index.ts';
import type { StatisticsAlgorithm } from '../../tasks/index.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';
import { readVocabularies } from './siteVocabulary.ts';

/** Images that are made at a time. */
const IMAGES_AT_ONCE = 64;

/** The site's part. */
export interface StatisticsOptions extends SiteDataOptions {
  /** Values of vocabularies in fewer rows than this do not leave the site. */
  readonly minimumRows: number;
  readonly signal: AbortSignal;
}

export class StatisticsAnalysis implements SiteAnalysis {
  readonly #algorithm: StatisticsAlgorithm;
  readonly #data: SiteData;
  readonly #values: VocabularyGiving;
  #rows: StatisticsRows | undefined;

  private constructor(algorithm: StatisticsAlgorithm, data: SiteData, values: VocabularyGiving) {
    this.#algorithm = algorithm;
    this.#data = data;
    this.#values = values;
  }

  /** @throws KonsilError as {@link loadSiteData}. */
  static async open(
    algorithm: StatisticsAlgorithm,
    source: DataSource,
    options: StatisticsOptions,
  ): Promise<StatisticsAnalysis> {
    const { images } = algorithm.dataStructure;
    const dataStructure = {
      ...algorithm.dataStructure,
      standardise: true, // missing values are counted, not refused
      ...(images && { images: withoutNormalising(images) }),
    };
    const data = await loadSiteData(source, { dataStructure }, options);
    const { filters } = dataStructure;
    const rows = filters && source.narrowed ? source.narrowed(filters) : source;
    const columns = await readVocabularies(rows, algorithm.vocabulary?.columns ?? [], options.signal);
    return new StatisticsAnalysis(algorithm, data, { columns, minimumRows: options.minimumRows, random: randomBytes });
  }

  async input(step: number, given: PublicFacts, signal: AbortSignal): Promise<StepSum> {
    const { vocabulary } = this.#algorithm;
    if (vocabulary && step === FIGURE_STEPS) return bucketInput(vocabulary, this.#values);
    if (vocabulary && step > FIGURE_STEPS) return textInput(vocabulary, given, this.#values);
    this.#rows ??= await this.#read(signal);
    return statisticsInput(this.#algorithm, step, given, this.#rows);
  }

  async close(): Promise<void> {}

  async #read(signal: AbortSignal): Promise<StatisticsRows> {
    const { train, features } = this.#data;
    const columns = columnsOf(this.#algorithm);
    const width = features.length;
    // where each column begins among the encoded features
    const offsets: number[] = [];
    let offset = 0;
    for (const { values } of columns.slice(0, -1)) {
      offsets.push(offset);
      offset += values?.length ?? 1;
    }
    const at = (row: number, c: number): number => {
      if (c === columns.length - 1) return train.y[row]!;
      const { values } = columns[c]!;
      const start = row * width + offsets[c]!;
      if (values === undefined) return train.x[start]!;
      if (Number.isNaN(train.x[start])) return Number.NaN;
      return train.x.subarray(start, start + values.length).indexOf(1);
    };
    const pixels = await this.#pixels(signal);
    return { rows: train.rows, at, ...(pixels && { pixels }) };
  }

  /** Sums over all pixels of the training images. */
  async #pixels(signal: AbortSignal): Promise<StatisticsRows['pixels']> {
    const { images, train } = this.#data;
    if (images === undefined || train.images === undefined) return undefined;
    const sums = { count: zeros(), sum: zeros(), squares: zeros() };
    const rows = images.rows(train, 'test');
    for (let first = 0; first < train.rows; first += IMAGES_AT_ONCE) {
      signal.throwIfAborted();
      const chosen = Uint32Array.from({ length: Math.min(IMAGES_AT_ONCE, train.rows - first) }, (_, i) => first + i);
      const made = await rows.read({ rows: chosen });
      images.eachPixel(made.x, made.rows.length, (channel, value) => {
        const k = Math.min(channel, CHANNELS - 1);
        const share = value / 255;
        sums.count[k]!++;
        sums.sum[k]! += share;
        sums.squares[k]! += share * share;
      });
    }
    return sums;
  }
}

const zeros = (): number[] => Array.from({ length: CHANNELS }, () => 0);

/** The transforms of the test step for all, without what the figures are for. */
function withoutNormalising(images: ImageColumns): ImageColumns {
  const isNormalise = (transform: unknown): boolean =>
    transform === 'Normalize' || (typeof transform === 'object' && transform !== null && 'Normalize' in transform);
  const listed = images.transforms.some(({ step }) => step !== 'train')
    ? images.transforms
    : [...images.transforms, { step: 'test' as const, transformations: DEFAULT_TRANSFORMS }];
  return {
    ...images,
    transforms: listed.map((transform) => ({
      ...transform,
      transformations: transform.transformations.filter((one) => !isNormalise(one)),
    })),
  };
}
