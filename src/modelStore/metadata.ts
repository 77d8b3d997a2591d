/**
 * What a store knows of one version of a model.
 * @module
 */
import { basename } from 'node:path';
import { z } from 'zod';
import { type InspectedPort, inspectModel, inspectTfjsFile, isTfjsModel } from '../training/index.ts';

const port = z.object({
  name: z.string(),
  dtype: z.string(),
  dims: z.array(z.union([z.number(), z.string()])),
});

const metadata = z.object({
  format: z.literal('konsil-model-v1'),
  version: z.int().min(1),
  kind: z.enum(['onnx', 'tfjs']),
  sha256: z.string().regex(/^[\da-f]{64}$/),
  /** Size of the stored file. */
  bytes: z.int().min(0),
  /** ISO 8601, UTC. */
  added: z.string(),
  /** Name of the file it was made from. */
  source: z.string(),
  licence: z.string().optional(),
  description: z.string().optional(),
  private: z.boolean(),
  parameters: z.int().min(0),
  /** Empty where the model does not say. */
  inputs: z.array(port),
  outputs: z.array(port),
});

/** One version, as `metadata.json` has it. */
export type StoredVersion = Readonly<z.output<typeof metadata>>;

/** @returns The metadata, or undefined when `text` is none. */
export function readMetadata(text: string): StoredVersion | undefined {
  try {
    return metadata.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

type ModelFacts = Pick<StoredVersion, 'kind' | 'source' | 'parameters' | 'inputs' | 'outputs'>;

/**
 * What the model says of itself.
 * @param bytes - Packed, as `readModelFile` gives them.
 * @throws KonsilError MODEL_INVALID, or FILE_NOT_FOUND.
 */
export async function factsOf(file: string, bytes: Uint8Array): Promise<ModelFacts> {
  const source = basename(file);
  if (!isTfjsModel(bytes)) {
    const { parameterCount, inputs, outputs } = inspectModel(bytes, file);
    return { kind: 'onnx', source, parameters: parameterCount, inputs: inputs.map(plain), outputs: outputs.map(plain) };
  }
  const { input, parameterCount } = await inspectTfjsFile(file);
  const dims = input.map((size) => size ?? 'batch');
  const inputs = input.length === 0 ? [] : [{ name: 'input', dtype: 'float32', dims }];
  return { kind: 'tfjs', source, parameters: parameterCount, inputs, outputs: [] };
}

function plain({ name, dtype, dims }: InspectedPort): StoredVersion['inputs'][number] {
  return { name, dtype, dims: [...dims] };
}
