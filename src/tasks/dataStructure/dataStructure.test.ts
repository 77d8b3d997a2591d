/** Images, transforms, filters and groups in a task: read, checked, and the same after going over the wire. */
import { describe, expect, it } from 'vitest';
import { fromWire, type LocalTask, parseTask, toWire } from '../task.ts';

const task = (structure: string): string => `pods: {identifiers: [a/x, b/x, c/x]}
task:
  protocol: {name: FederatedAveraging, arguments: {epochs_between_parameter_updates: 1}}
  algorithm:
    name: FederatedModelTraining
    model: {konsil_model: {model_ref: ./m.onnx}, hyperparameters: {epochs: 2, batch_size: 4}}
  data_structure:
    categories: {label: [cat, dog]}
${structure.replace(/^/gm, '    ')}
`;

const parse = (structure: string): LocalTask => parseTask(task(structure), 'task.yaml');

const messageFor = (structure: string): string => {
  try {
    parse(structure);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('data_structure', () => {
  it.each([
    ['image columns', 'assign: {target: label, image_cols: [Pixel Data]}'],
    ['a prefix', 'assign: {target: label, image_prefix: Pixel Data}'],
    [
      'transforms for all images and for one',
      `assign: {target: label, image_cols: [left, right]}
transform:
  auto_convert_grayscale_images: false
  image:
    - albumentations: {step: train, output: true, transformations: [{Resize: {height: 8, width: 9}}, Normalize, ToTensorV2]}
    - albumentations: {step: test, transformations: [{Resize: {height: 8, width: 9}}, ToTensorV2]}
  batch:
    - albumentations: {step: train, arg: left, transformations: [HorizontalFlip]}`,
    ],
    ['a group', 'assign: {target: label}\ndata_split: {args: {group_by: patient_number}}'],
    ['a split by time', 'assign: {target: label}\ndata_split: {args: {time_series_sort_by: day, test_percentage: 30}}'],
    ['patients', 'assign: {target: label}\ndata_split: {args: {group_by: patient}}'],
    [
      'all types of filters',
      `assign: {target: label, image_cols: [Pixel Data]}
filter:
  - {filter_type: modality, value: OCT}
  - {filter_type: min-frames, value: 3}
  - {filter_type: max-frames, value: 99}
  - {filter_type: min-file-size, value: 0.5}
  - {filter_type: max-file-size, value: 80}
  - {filter_type: file-creation-min-date, value: {year: 2019}}
  - {filter_type: file-creation-max-date, value: {year: 2024, month: 2}}
  - {filter_type: file-modification-min-date, value: {year: 2019, month: 3, day: 4}}
  - {filter_type: file-modification-max-date, value: {year: 2025}}
  - {filter_type: min-dob, value: {year: 1930}}
  - {filter_type: max-dob, value: {year: 2000}}
  - {filter_type: scan-acquisition-min-date, value: {year: 2015}}
  - {filter_type: scan-acquisition-max-date, value: {year: 2020}}
  - {filter_type: check-required-fields, value: [PatientSex, StudyDate]}
  - {filter_type: series-description, value: macula}`,
    ],
  ])('is the same at the other end of the wire: %s', (_, structure) => {
    const { local: _machine, ...sent } = parse(structure);
    expect(fromWire(JSON.parse(JSON.stringify(toWire(sent))))).toEqual(sent);
  });

  it('takes the stricter of two filters of a type, and whole years and months', () => {
    const { filters } = parse(`assign: {target: label}
filter:
  - {filter_type: min-frames, value: 3}
  - {filter_type: min-frames, value: 5}
  - {filter_type: max-dob, value: {year: 2000}}
  - {filter_type: max-dob, value: {year: 1999, month: 2}}
  - {filter_type: min-dob, value: {year: 1950}}`).dataStructure;
    expect(filters).toEqual({ minFrames: 5, born: { from: '1950-01-01', to: '1999-02-31' } });
  });

  it('draws nothing where time says which set a row is in', () => {
    const { split } = parse('assign: {target: label}\ndata_split: {args: {time_series_sort_by: day}}').dataStructure;
    expect(split).toMatchObject({ sortBy: 'day', shuffle: false, stratify: false });
  });

  it.each([
    [
      'a split both by time and at random',
      'data_split: {args: {time_series_sort_by: day, shuffle: true}}',
      /data_split\.args\.shuffle: not possible together with time_series_sort_by/,
    ],
    [
      'a split by time that keeps shares of classes',
      'data_split: {args: {time_series_sort_by: day, stratify: true}}',
      /data_split\.args\.stratify: not possible together with time_series_sort_by/,
    ],
    [
      'a split by time and by labels',
      'data_split: {data_splitter: predefined, args: {time_series_sort_by: day}}',
      /time_series_sort_by: only for data_splitter percentage/,
    ],
    [
      'a transform that does not exist',
      'transform: {image: [{albumentations: {step: test, transformations: [Rezise]}}]}',
      /task\.yaml:\d+:\d+ task\.data_structure\.transform\.image\.0\.albumentations\.transformations: .*unknown transform "Rezise"; did you mean "Resize"/,
    ],
    [
      'an argument that does not exist',
      'transform: {image: [{albumentations: {step: test, transformations: [{Resize: {hight: 3, width: 3}}]}}]}',
      /Resize: unknown argument "hight"; did you mean "height"/,
    ],
    [
      'transforms for training alone',
      'transform: {image: [{albumentations: {step: train, transformations: [Normalize]}}]}',
      /transform: has transforms for step train alone/,
    ],
    [
      'a column nobody assigned',
      'transform: {batch: [{albumentations: {step: test, arg: rihgt, transformations: [Normalize]}}]}',
      /arg: is none of assign\.image_cols; did you mean "right"/,
    ],
    [
      'a batch transform without column',
      'transform: {batch: [{albumentations: {step: test, transformations: [Normalize]}}]}',
      /batch\.0\.albumentations: needs arg/,
    ],
    [
      'a filter nothing passes',
      'filter: [{filter_type: min-frames, value: 9}, {filter_type: max-frames, value: 3}]',
      /filter: min-frames 9 is more than max-frames 3: no file passes/,
    ],
    ['a filter that does not exist', 'filter: [{filter_type: min-frame, value: 9}]', /filter\.0\.filter_type/],
    [
      'two modalities',
      'filter: [{filter_type: modality, value: OCT}, {filter_type: modality, value: SLO}]',
      /given twice/,
    ],
    ['whole-dataset transforms', 'transform: {dataset: [x]}', /transform\.dataset: transforms of whole datasets/],
  ])('explains: %s', (_, extra, expected) => {
    expect(messageFor(`assign: {target: label, image_cols: [left, right]}\n${extra}`)).toMatch(expected);
  });
});
