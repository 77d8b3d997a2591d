import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { postprocessors } from '../postprocessing/index.ts';
import { parseYaml } from './configFile.ts';

const messageOf = (text: string): string => {
  try {
    parseYaml(text, 't.yaml', { schema: z.strictObject({ postprocessors }), check: () => [] });
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('postprocessors in a task file', () => {
  it.each([
    ['type: rename, column_mapping: {a: b}', 'accepted'],
    ['type: renam', 't.yaml:2:13 postprocessors.0.type: unknown postprocessor "renam"; expected one of rename'],
    ['columns: [a]', 't.yaml:2:5 postprocessors.0.type: is required; expected one of rename'],
    [
      'type: transform, columns: [a], transform: soft',
      't.yaml:2:49 postprocessors.0.transform: expected one of softmax',
    ],
    ['type: rename, map: {a: b}', 't.yaml:2:21 postprocessors.0.map: unknown key; allowed: type, column_mapping'],
    ['type: json_wrap_in_list, column_patterns: "("', 't.yaml:2:49 postprocessors.0.column_patterns: not a pattern'],
    [
      'type: compound, postprocessing_sequence: [{type: ner_deidentification}]',
      't.yaml:2:56 postprocessors.0.postprocessing_sequence.0.type: ner_deidentification needs the entities',
    ],
  ])('{%s}', (step, message) => {
    expect(messageOf(`postprocessors:\n  - { ${step} }\n`)).toContain(message);
  });

  it('have a JSON schema for editors', () => {
    expect(() => z.toJSONSchema(postprocessors, { io: 'input', target: 'draft-7', reused: 'ref' })).not.toThrow();
  });
});
