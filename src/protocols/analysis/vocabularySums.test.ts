import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../base/index.ts';
import { randomBytes, sha256 } from '../../crypto/index.ts';
import type { StatisticsAlgorithm, VocabularyOptions } from '../../tasks/index.ts';
import type { StepSum } from './plan.ts';
import {
  BUCKETS,
  bucketInput,
  bucketLayout,
  bucketsToOpen,
  MOST_OPENED,
  textInput,
  textLayout,
  vocabulariesOf,
  vocabularyProblems,
} from './vocabularySums.ts';

const COLUMN: VocabularyOptions = { columns: ['word'], minimumSites: 2, salt: 0 };
const algorithm = (vocabulary: VocabularyOptions, minimumCount = 1): StatisticsAlgorithm => ({
  ...{ name: 'FederatedStatistics', quantiles: [], bins: 8, minimumCount, vocabulary },
  dataStructure: {
    ...{ select: {}, target: 'y', categories: {}, standardise: true },
    split: {
      splitter: 'percentage',
      testPercentage: 0,
      validationPercentage: 0,
      shuffle: false,
      stratify: false,
      seed: 0,
    },
  },
});

/** A site's table: rows by value. */
type Site = Readonly<Record<string, number>>;
const giving = (site: Site, minimumRows = 1) => ({
  columns: [{ rows: Object.values(site).reduce((sum, n) => sum + n, 0), values: new Map(Object.entries(site)) }],
  ...{ minimumRows, random: randomBytes },
});

function added(parts: readonly StepSum[]): StepSum {
  const counts: Record<string, number> = {};
  for (const part of parts)
    for (const [name, count] of Object.entries(part.counts)) counts[name] = (counts[name] ?? 0) + count;
  return { extras: {}, counts };
}

/** Both sums, added up in the open. @param lost - Sites that are not in the second. */
function found(sites: readonly Site[], options = COLUMN, { minimumCount = 1, minimumRows = 1, lost = 0 } = {}) {
  const task = algorithm(options, minimumCount);
  const buckets = added(sites.map((site) => bucketInput(options, giving(site, minimumRows))));
  const opened = bucketsToOpen(task, options, buckets);
  const given = sites.slice(lost).map((site) => textInput(options, opened, giving(site, minimumRows)));
  return { given, opened, vocabulary: vocabulariesOf(task, options, [buckets, added(given)])[0]! };
}

/** The bucket of a text by the written definition: SHA-256 of the label and of column, salt and text, each behind its length. */
function bucketOf(text: string, column = 'word', salt = 0): number {
  const field = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const number = Buffer.alloc(4);
  number.writeUInt32BE(salt);
  const digest = sha256(
    Buffer.concat([utf8('konsil/vocabulary/v1'), field(utf8(column)), field(number), field(utf8(text))]),
  );
  return Buffer.from(digest).readUInt16BE(0) % BUCKETS;
}

/** Two texts of one bucket. */
function colliding(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const text = `value ${i}`;
    const other = seen.get(bucketOf(text));
    if (other !== undefined) return [other, text];
    seen.set(bucketOf(text), text);
  }
}

/** Whether the symbols of a part hold the bytes of a text one after another. */
const shows = ({ counts }: StepSum, text: string): boolean =>
  Object.values(counts)
    .map((count) => (count < 256 ? String.fromCharCode(count) : ' '))
    .join('')
    .includes(String.fromCharCode(...utf8(text)));

describe('a vocabulary', () => {
  const words = fc.dictionary(
    fc.constantFrom('female', 'male', '3', '3.5', 'größer', '  x', 'δ', '日本', 'constructor', 'O+', '0', 'no'),
    fc.integer({ min: 1, max: 40 }),
  );

  it('has the counts of the pooled rows for values of enough sites and rows', () => {
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 3, maxLength: 5 }),
        fc.integer({ min: 2, max: 3 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 15 }),
        (sites, minimumSites, minimumCount, minimumRows) => {
          const { vocabulary } = found(sites, { ...COLUMN, minimumSites }, { minimumCount, minimumRows });
          const pooled = new Map<string, number[]>();
          for (const [value, n] of sites.flatMap((site) => Object.entries(site)))
            if (n >= minimumRows) pooled.set(value, [...(pooled.get(value) ?? []), n]);
          const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
          const expected = [...pooled]
            .filter(([, list]) => list.length >= minimumSites && sum(list) >= minimumCount)
            .map(([value, list]) => ({ value, count: sum(list) }))
            .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
          expect(vocabulary.values).toEqual(expected);
          expect(vocabulary.tooRare).toBe(pooled.size - expected.length);
          const rows = sum(sites.flatMap((site) => Object.values(site)));
          expect(vocabulary.otherRows).toBe(rows - sum(expected.map(({ count }) => count)));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('has the buckets of the written definition', () => {
    const { opened } = found([{ asthma: 1 }, { asthma: 1 }]);
    expect(opened).toEqual([[bucketOf('asthma')]]);
    expect(found([{ asthma: 1 }, { asthma: 1 }], { ...COLUMN, salt: 7 }).opened).toEqual([
      [bucketOf('asthma', 'word', 7)],
    ]);
  });

  it('takes 48 bytes and leaves longer and empty values out', () => {
    const [fits, long] = ['é'.repeat(24), `${'é'.repeat(24)}x`];
    const site = { [fits]: 5, [long]: 4, '': 3 };
    const { vocabulary } = found([site, site]);
    expect(vocabulary.values).toEqual([{ value: fits, count: 10 }]);
    expect(vocabulary).toMatchObject({ collisions: 0, tooRare: 0, otherRows: 14 });
  });

  it('tells texts apart that end in NUL or begin with a byte order mark', () => {
    const site = { a: 2, 'a\0': 3, '\ufeffa': 4 };
    expect(found([site, site]).vocabulary.values.map(({ value }) => value)).toEqual(['\ufeffa', 'a\0', 'a']);
  });

  it('asks for the most frequent values only when there are too many', () => {
    const site = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`v${i}`, 1 + i]));
    const { opened, vocabulary } = found([site, site]);
    expect(opened[0]).toHaveLength(MOST_OPENED);
    expect(vocabulary.values.length + vocabulary.collisions).toBe(MOST_OPENED);
    expect(vocabulary.values[0]).toEqual({ value: 'v599', count: 1_200 });
    expect(vocabulary.tooRare).toBeGreaterThan(250);
  });

  it('does not show what is left when sites are lost between the sums', () => {
    const { vocabulary } = found([{ x: 5 }, { x: 5 }, { y: 1 }], COLUMN, { lost: 1 });
    expect(vocabulary).toMatchObject({ values: [], tooRare: 2 });
  });
});

describe('two values in a bucket', () => {
  const [a, b] = colliding();

  it.each([
    ['at two sites', [{ [a]: 5 }, { [b]: 5 }]],
    ['at one site that has both', [{ [a]: 5, [b]: 5 }, { [a]: 5 }, { [a]: 2 }]],
    [
      'at all sites',
      [
        { [a]: 5, [b]: 5 },
        { [a]: 5, [b]: 1 },
      ],
    ],
  ] as [string, Site[]][])('%s are a collision, and neither is shown', (_where, sites) => {
    expect(found(sites).vocabulary).toMatchObject({ values: [], collisions: 1 });
  });

  it('are told apart under another salt', () => {
    const salt = Array.from({ length: 100 }, (_, i) => i).find(
      (n) => bucketOf(a, 'word', n) !== bucketOf(b, 'word', n),
    )!;
    const { values } = found(
      [
        { [a]: 5, [b]: 4 },
        { [a]: 5, [b]: 4 },
      ],
      { ...COLUMN, salt },
    ).vocabulary;
    expect(values.map(({ value }) => value)).toEqual([a, b]);
  });

  it('at one site cover the value of the other that has one', () => {
    const { given } = found([{ [a]: 5, [b]: 5 }, { [a]: 5 }]);
    expect(shows(given[1]!, a)).toBe(true); // so the check below can fail
    expect(shows(added(given), a)).toBe(false);
    const again = found([{ [a]: 5, [b]: 5 }, { [a]: 5 }]);
    expect(added(again.given)).not.toEqual(added(given));
  });
});

describe('what the coordinator receives', () => {
  it('holds no value of one site alone, even unmasked', () => {
    const sites = [{ common: 20, onlyHere: 50 }, { common: 20 }, { common: 30, alsoAlone: 60 }];
    const { given, vocabulary } = found(sites);
    expect(vocabulary.values.map(({ value }) => value)).toEqual(['common']);
    for (const part of [...given, added(given)]) {
      expect(shows(part, 'onlyHere')).toBe(false);
      expect(shows(part, 'alsoAlone')).toBe(false);
    }
    expect(shows(given[0]!, 'common')).toBe(true);
  });

  it('holds no value of few rows of a site, whatever buckets it asks for', () => {
    const site = { rareDisease: 9, common: 10 };
    for (const bucket of [bucketOf('rareDisease'), bucketOf('common')]) {
      const part = textInput(COLUMN, [[bucket]], giving(site, 10));
      expect(shows(part, 'rareDisease')).toBe(false);
    }
    const first = bucketInput(COLUMN, giving(site, 10)).counts;
    expect(first[`bucket.0.${bucketOf('rareDisease')}.`]).toBe(0);
    expect(first[`sites.0.${bucketOf('rareDisease')}.`]).toBe(0);
    expect(first['rows.0..']).toBe(19);
  });

  it.each([
    ['no list', {}],
    ['nothing', null],
    ['a list too many', [[1], [2]]],
    ['a bucket twice', [[3, 3]]],
    ['another order', [[4, 3]]],
    ['no bucket', [[BUCKETS]]],
    ['a negative one', [[-1]]],
    ['a fraction', [[1.5]]],
    ['text', [['1']]],
    ['too many', [Array.from({ length: MOST_OPENED + 1 }, (_, i) => i)]],
  ])('is nothing when it asks for %s', (_what, given) => {
    const refusal = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
    expect(() => textLayout(COLUMN, given)).toThrow(refusal);
    expect(() => textInput(COLUMN, given, giving({ a: 1 }))).toThrow(refusal);
  });
});

describe('sums of sites that do not keep to the protocol', () => {
  const site = { asthma: 5 };
  const [bucket] = [bucketOf('asthma')];
  const buckets = added([site, site].map((one) => bucketInput(COLUMN, giving(one))));
  const honest = textInput(COLUMN, [[bucket]], giving(site));

  it.each([
    ['another byte', { [`symbol.0.${bucket}.1`]: 400 }],
    ['no text', Object.fromEntries(Array.from({ length: 53 }, (_, i) => [`symbol.0.${bucket}.${i}`, 510]))],
    ['a length that is none', { [`symbol.0.${bucket}.0`]: 2 * 49 }],
    ['a checksum of something else', { [`symbol.0.${bucket}.52`]: 2 }],
  ])('are no value: %s', (_what, change) => {
    const texts = added([honest, honest]);
    const spoilt = { extras: {}, counts: { ...texts.counts, ...change } };
    const [vocabulary] = vocabulariesOf(algorithm(COLUMN), COLUMN, [buckets, spoilt]);
    expect(vocabulary).toMatchObject({ values: [], collisions: 1 });
  });
});

describe('layouts', () => {
  it('have the slots of the inputs, in every column', () => {
    const options = { ...COLUMN, columns: ['word', 'other'] };
    const two = { ...giving({ a: 1 }), columns: [...giving({ a: 1 }).columns, ...giving({ b: 2 }).columns] };
    expect(Object.keys(bucketInput(options, two).counts)).toEqual(bucketLayout(options).counts);
    const given = [[5], [6, 7]];
    expect(Object.keys(textInput(options, given, two).counts)).toEqual(textLayout(options, given).counts);
  });

  it('need the columns in the data', () => {
    const column = (name: string, semanticType: 'text' | 'image' | 'continuous') => ({
      name,
      semanticType,
      dataType: 'text' as const,
    });
    const schema = {
      name: 'd',
      datasource: 'CSVSource',
      rowCount: 1,
      columns: [column('word', 'text'), column('n', 'continuous'), column('scan', 'image')],
    };
    const problems = (...columns: string[]): string[] => vocabularyProblems(algorithm({ ...COLUMN, columns }), schema);
    expect(problems('word', 'n')).toEqual([]);
    expect(problems('wort')).toEqual([expect.stringMatching(/no column "wort".*word/)]);
    expect(problems('scan')).toEqual([expect.stringMatching(/is an image/)]);
  });
});
