import { describe, expect, it } from 'vitest';
import { jsonSchemas } from './index.ts';

describe('schema/', () => {
  // after a change of the schemas: npx vitest run src/tasks/jsonSchema.test.ts -u
  it.each(Object.entries(jsonSchemas()))('holds the present %s', async (name, text) => {
    await expect(text).toMatchFileSnapshot(`../../schema/${name}`);
  });

  it('asks for no key that has a default', () => {
    const task = JSON.parse(jsonSchemas()['task.schema.json']) as { anyOf: { required: string[] }[] };
    expect(task.anyOf.map(({ required }) => required)).toEqual([
      ['pods', 'task'],
      ['pods', 'task'],
      ['pods', 'task'],
    ]);
  });
});
