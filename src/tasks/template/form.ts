/**
 * The form of a task: what a person is asked before it runs, as plain data for any interface to show.
 * @module
 */
import { z } from 'zod';
import { text } from '../keys.ts';
import { dotted, openYaml } from '../yamlFile.ts';
import { FIELD_TYPES, type TemplateField } from './constraints.ts';
import { templateOf } from './fill.ts';

/** The shape of a form; `schema/task-form.schema.json` is made of it. */
export const taskForm = z
  .strictObject({
    format: z.literal('konsil-task-form-v1'),
    fields: z
      .array(
        z.strictObject({
          name: text,
          type: z.enum(FIELD_TYPES),
          label: text,
          tooltip: text.optional(),
          default: z.json().optional().meta({ description: 'The value when none is given.' }),
          required: z.boolean().meta({ description: 'Whether a value must be given: there is no default.' }),
          constraints: z
            .strictObject({
              pattern: z.string().optional(),
              minimum: z.number().optional(),
              minItems: z.number().optional(),
              items: z.strictObject({ type: z.literal('string') }).optional(),
              extension: z.string().optional().meta({ description: 'Lower case, without a dot.' }),
              provider: z.string().optional(),
              library: z.string().optional(),
              pipeline_tag: z.string().optional(),
              author: z.string().optional(),
              semantic_type: z.enum(['categorical', 'continuous', 'image', 'text']).optional(),
            })
            .meta({ description: 'Those of the type, in the keys of the task file.' }),
          used_at: z.array(z.string()).meta({ description: 'Keys of the task that take the value.' }),
        }),
      )
      .meta({ description: 'In the order of the definition.' }),
  })
  .meta({ title: 'Konsil task form' });

export type TaskForm = z.output<typeof taskForm>;

/** The form of the task in `text`, and its fields. @throws KonsilError CONFIG_INVALID. */
export function formOf(
  text: string,
  file: string,
): { readonly form: TaskForm; readonly fields: readonly TemplateField[] } {
  const { fields, references } = templateOf(openYaml(text, file));
  const form = {
    format: 'konsil-task-form-v1',
    fields: fields.map(({ name, type, label, tooltip, default: value, constraints }) => ({
      ...{ name, type, label, tooltip, default: value },
      required: value === undefined,
      constraints,
      used_at: references.filter((one) => one.name === name).map(({ path }) => dotted(path)),
    })),
  };
  return { form: taskForm.parse(form), fields };
}
