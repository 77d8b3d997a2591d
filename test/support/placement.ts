/**
 * Which nodes of a graph ran elsewhere than on the device, from onnxruntime's own profile.
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';

interface NodeEvent {
  readonly cat: string;
  readonly args?: {
    readonly provider?: string;
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** Runs `model` once on WebGPU; gives the outputs, and operators with their inputs' types that ran on another provider. */
export async function runPlaced(
  model: Uint8Array,
  feeds: Readonly<Record<string, ort.Tensor>>,
  options: ort.InferenceSession.SessionOptions,
): Promise<{ outputs: ort.InferenceSession.ReturnType; strays: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-profile-'));
  try {
    const profileFilePrefix = join(folder, 'profile');
    const session = await ort.InferenceSession.create(model, { ...options, enableProfiling: true, profileFilePrefix });
    const outputs = await session.run(feeds);
    session.endProfiling();
    await session.release();
    const events = readdirSync(folder).flatMap(
      (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as NodeEvent[],
    );
    const nodes = events.filter(({ cat, args }) => cat === 'Node' && args?.provider !== undefined);
    if (nodes.length === 0) throw new Error('the profile lists no node');
    const strays = nodes
      .filter(({ args }) => args!.provider !== 'WebGpuExecutionProvider')
      .map(({ args }) =>
        [args!.op_name, ...(args!.input_type_shape ?? []).map((type) => Object.keys(type)[0])].join(' '),
      );
    return { outputs, strays: [...new Set(strays)].sort() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
