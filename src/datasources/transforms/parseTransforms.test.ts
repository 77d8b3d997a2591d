/**
 * Lists of transforms: what is taken, and what is said of what is not.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKonsilError } from '../../base/index.ts';
import { TRANSFORMS } from './catalogue.ts';
import { DEFAULT_TRANSFORMS, parseTransforms } from './parseTransforms.ts';

function messageOf(list: unknown): string {
  try {
    parseTransforms(list, 'task.yaml: transforms');
  } catch (error) {
    return isKonsilError(error, 'CONFIG_INVALID') ? error.message : `not a KonsilError: ${String(error)}`;
  }
  return 'none';
}

describe('a list of transforms', () => {
  it('may hold names and names with arguments', () => {
    const list = [
      'HorizontalFlip',
      { Resize: { height: 10, width: 20, interpolation: 3 } },
      { Rotate: { limit: 30, border_mode: 0, value: [1, 2, 3], p: 0.25 } },
      { VerticalFlip: null },
      { Normalize: { always_apply: false } },
      'ToTensorV2',
    ];
    const { steps } = parseTransforms(list, 'x');
    expect(steps.map(({ name, p }) => [name, p])).toEqual([
      ...[
        ['HorizontalFlip', 0.5],
        ['Resize', 1],
        ['Rotate', 0.25],
        ['VerticalFlip', 0.5],
        ['Normalize', 1],
      ],
    ]); // prettier-ignore
  });

  it('is by default Resize to 224 × 224, Normalize, ToTensorV2', () => {
    const { steps } = parseTransforms(DEFAULT_TRANSFORMS, 'x');
    expect(steps.map(({ name }) => name)).toEqual(['Resize', 'Normalize']);
  });

  it('takes always_apply as p = 1', () => {
    expect(parseTransforms([{ HorizontalFlip: { always_apply: true } }], 'x').steps[0]!.p).toBe(1);
  });

  it('may be empty', () => expect(parseTransforms([], 'x').steps).toEqual([]));

  it('may hold groups within groups', () => {
    const list = [{ OneOf: { transforms: ['HorizontalFlip', { Compose: { transforms: ['Transpose'] } }], p: 1 } }];
    expect(parseTransforms(list, 'x').steps[0]!.name).toBe('OneOf');
  });

  const at = 'task.yaml: transforms';
  it.each<readonly [string, unknown, string]>([
    ['a map', { Resize: {} }, `${at}: expected a list of transforms`],
    [
      'a misspelt name',
      ['HorizontlFlip'],
      `${at}[0]: unknown transform "HorizontlFlip"; did you mean "HorizontalFlip"?`,
    ],
    ['an unknown name', ['Posterize'], `${at}[0]: unknown transform "Posterize"`],
    ['a name of the prototype', ['constructor'], `${at}[0]: unknown transform "constructor"`],
    [
      'two names',
      [{ Resize: {}, Flip: {} }],
      `${at}[0]: expected the name of a transform, or one name with its arguments as {Name: {argument: value}}`,
    ],
    [
      'a number',
      ['Flip', 7],
      `${at}[1]: expected the name of a transform, or one name with its arguments as {Name: {argument: value}}`,
    ],
    ['a missing argument', ['Resize'], `${at}[0]: Resize: height: is required; expected a number`],
    ['text for a number', [{ Resize: { height: '10', width: 3 } }], `${at}[0]: Resize: height: expected a number`],
    [
      'a misspelt argument',
      [{ Resize: { heigth: 10, width: 3, height: 3 } }],
      `${at}[0]: Resize: unknown argument "heigth"; did you mean "height"?; it takes p, height, width, interpolation`,
    ],
    ['a huge side', [{ Resize: { height: 1e9, width: 3 } }], `${at}[0]: Resize: height: expected at most 4096`],
    ['a fraction', [{ Resize: { height: 1.5, width: 3 } }], `${at}[0]: Resize: height: expected a whole number`],
    [
      'an unknown interpolation',
      [{ Resize: { height: 1, width: 3, interpolation: 5 } }],
      `${at}[0]: Resize: interpolation: expected a number of cv2.INTER_…, 0 to 4`,
    ],
    ['a probability above 1', [{ Flip: { p: 1.5 } }], `${at}[0]: Flip: p: expected at most 1`],
    [
      'a range upside down',
      [{ Rotate: { limit: [30, -30] } }],
      `${at}[0]: Rotate: limit: expected the smaller number first`,
    ],
    [
      'an even kernel',
      [{ GaussianBlur: { blur_limit: [3, 8] } }],
      `${at}[0]: GaussianBlur: blur_limit: expected odd numbers, or 0`,
    ],
    [
      'a huge kernel',
      [{ MedianBlur: { blur_limit: 100001 } }],
      `${at}[0]: MedianBlur: blur_limit: expected at most 99`,
    ],
    ['a std of 0', [{ Normalize: { std: [1, 0, 1] } }], `${at}[0]: Normalize: std: expected numbers above 0`],
    ['ToTensorV2 in the middle', ['ToTensorV2', 'Flip'], `${at}[0]: ToTensorV2: expected at the end of the list`],
    [
      'ToTensorV2 in a group',
      [{ OneOf: { transforms: ['ToTensorV2'] } }],
      `${at}[0].OneOf.transforms[0]: ToTensorV2: expected at the end of the outermost list`,
    ],
    ['an argument of ToTensorV2', [{ ToTensorV2: { p: 0.5 } }], `${at}[0]: ToTensorV2: expected no arguments`],
    ['a group without transforms', ['OneOf'], `${at}[0]: OneOf: transforms: is required; expected a list`],
    [
      'an error within a group',
      [{ SomeOf: { n: 1, transforms: ['Flip', { Rotate: { limt: 3 } }] } }],
      `${at}[0].SomeOf.transforms[1]: Rotate: unknown argument "limt"; did you mean "limit"?`,
    ],
    [
      'pads without a size',
      [{ PadIfNeeded: { min_height: null } }],
      `${at}[0]: PadIfNeeded: expected either min_height or pad_height_divisor, and either min_width or pad_width_divisor (the other null)`,
    ],
    [
      'crops without a size',
      [{ RandomResizedCrop: { height: 3 } }],
      `${at}[0]: RandomResizedCrop: expected height and width`,
    ],
  ])('is refused with %s', (_, list, message) => {
    expect(messageOf(list).startsWith(message), messageOf(list)).toBe(true);
  }); // prettier-ignore

  it('is refused when it is nested without end, or endless', () => {
    let list: unknown[] = ['Flip'];
    for (let i = 0; i < 20; i++) list = [{ Compose: { transforms: list } }];
    expect(messageOf(list)).toContain('expected at most 6 lists within each other');
    const endless: unknown[] = [];
    endless.push({ Compose: { transforms: endless } });
    expect(messageOf(endless)).toContain('expected at most 6 lists within each other');
    expect(messageOf(Array.from({ length: 101 }, () => 'Flip'))).toContain('expected at most 100 transforms');
  });

  it('is taken or refused with CONFIG_INVALID, whatever it holds', () => {
    const names = fc.constantFrom(...TRANSFORMS.keys(), 'ToTensorV2', 'resize');
    const argument = fc.constantFrom(
      'p',
      'height',
      'width',
      'limit',
      'blur_limit',
      'transforms',
      'n',
      'mean',
      'scale',
      '__proto__',
    );
    const value = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(['Flip']), fc.constant([1, 2]));
    const entry = fc.oneof(names, fc.dictionary(names, fc.dictionary(argument, value), { maxKeys: 1 }), fc.anything());
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (list) => {
        expect(messageOf(list)).not.toMatch(/^not a KonsilError/);
      }),
      { numRuns: 2000, seed: 11 },
    );
  });
});
