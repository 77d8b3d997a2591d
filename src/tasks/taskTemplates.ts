/**
 * Files that list tasks for others to use, and the models these need.
 * @source spec/platform.md §Z, §AA, K-15, K-16.
 * @module
 */
import { dirname } from 'node:path';
import { z } from 'zod';
import { isKonsilError } from '../base/index.ts';
import { modelKindOf } from '../training/index.ts';
import { parseYaml, readConfigText, requireFile, resolvePath } from './configFile.ts';
import { text } from './keys.ts';
import { checkTaskTemplate } from './taskKinds.ts';
import { dotted, failAt, openYaml, type Problem } from './yamlFile.ts';

/** Types of tasks; a file has them as here or with hyphens. */
const TASK_TYPES = [
  'Image Classification',
  'Image Segmentation',
  'Object Detection',
  'Tabular Analytics',
  'Tabular Classification',
  'Tabular Regression',
  'Text Classification',
  'Text Generation',
  'Data Transfer',
] as const;
const TASK_TAGS = [
  'Prediction',
  'Training',
  'Evaluation',
  'Querying',
  'Comparison',
  'Ophthalmology',
  'File Selection',
] as const;

type Name = (typeof TASK_TYPES)[number] | (typeof TASK_TAGS)[number];
const key = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]+/g, '-');

/** One of `names`, whatever its case and hyphens; the value is spelled as here. */
function oneOf<const N extends Name>(names: readonly N[]) {
  const keys = names.map(key) as [string, ...string[]];
  const expected = `expected one of ${names.join(', ')}`;
  return z.preprocess(
    (given) => (typeof given === 'string' ? key(given) : given),
    z.enum(keys, { error: expected }).transform((given) => names.find((name) => key(name) === given)!),
  );
}

const filledIn = text.regex(/^[^<]|^<[^>]*$/, 'is a placeholder of the documentation; write the value');
export const taskTemplatesFile = z.strictObject({
  'task-templates': z
    .array(
      z.strictObject({
        slug: text.max(100).regex(/^[a-z\d]+(?:[-_][a-z\d]+)*$/, 'expected lower-case letters, digits and hyphens'),
        title: filledIn,
        type: oneOf(TASK_TYPES),
        description: filledIn,
        template: filledIn.meta({ description: 'Path of a task file, relative to this file.' }),
        tags: z.array(oneOf(TASK_TAGS)).min(1).max(TASK_TAGS.length).optional(),
      }),
    )
    .min(1)
    .max(1_000),
  models: z
    .array(
      z.strictObject({
        private: z.boolean().default(false),
        model_file: filledIn.meta({ description: 'Path of an ONNX or TensorFlow.js model, relative to this file.' }),
        weights_file: filledIn.optional().meta({ description: 'Path of weights, relative to this file.' }),
      }),
    )
    .max(1_000)
    .optional(),
});

/** One task of the list. All paths are absolute. */
export interface TaskTemplate {
  readonly slug: string;
  readonly title: string;
  readonly type: (typeof TASK_TYPES)[number];
  readonly description: string;
  readonly template: string;
  readonly tags: readonly (typeof TASK_TAGS)[number][];
  /** Inputs that whoever runs it is asked for. */
  readonly inputs: readonly string[];
}

export interface TaskTemplates {
  readonly templates: readonly TaskTemplate[];
  readonly models: readonly {
    readonly isPrivate: boolean;
    readonly modelFile: string;
    readonly weightsFile?: string;
  }[];
}

/**
 * The list in a file; every task in it is valid, and every file there.
 * @throws KonsilError CONFIG_INVALID with all problems, those of the tasks at their own places; FILE_NOT_FOUND.
 */
export async function readTaskTemplates(file: string): Promise<TaskTemplates> {
  const yaml = openYaml(await readConfigText(file), file);
  const parsed = parseYaml(yaml, file, {
    schema: taskTemplatesFile,
    check: ({ 'task-templates': list, models = [] }) => [
      ...list.flatMap(({ slug }, i): Problem[] =>
        list.findIndex((one) => one.slug === slug) === i
          ? []
          : [{ path: ['task-templates', i, 'slug'], message: `${slug} is given twice` }],
      ),
      ...models.flatMap(({ model_file }, i): Problem[] =>
        modelKindOf(model_file) === undefined
          ? [
              {
                path: ['models', i, 'model_file'],
                message: 'expected a file that ends in .onnx, .json, .js, .mjs or .ts',
              },
            ]
          : [],
      ),
    ],
  });
  const at = (path: string): string => resolvePath(dirname(file), path);
  const models = (parsed.models ?? []).map(({ private: isPrivate, model_file, weights_file }) => ({
    ...{ isPrivate, modelFile: at(model_file) },
    ...(weights_file !== undefined && { weightsFile: at(weights_file) }),
  }));
  const problems: Problem[] = [];
  const check = async <T>(path: Problem['path'], work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      problems.push({ path, message: error.message });
      return undefined;
    }
  };
  const templates: TaskTemplate[] = [];
  for (const [i, { template, tags = [], ...entry }] of parsed['task-templates'].entries()) {
    const path = ['task-templates', i, 'template'];
    const inputs = await check(path, () => checkTaskTemplate(at(template)));
    templates.push({ ...entry, tags, template: at(template), inputs: inputs ?? [] });
  }
  for (const [i, { modelFile, weightsFile }] of models.entries())
    for (const [name, path] of [
      ['model_file', modelFile],
      ['weights_file', weightsFile],
    ] as const)
      if (path !== undefined)
        await check(['models', i, name], () => requireFile(file, dotted(['models', i, name]), path));
  if (problems.length > 0) failAt(yaml, problems);
  return { templates, models };
}
