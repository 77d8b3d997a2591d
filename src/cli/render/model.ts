/**
 * A model file as lines for people: what is in it, whether it trains and what that costs.
 * @module
 */
import type { RoundBytes } from '../../protocols/index.ts';
import type { Flops, InspectedModel, InspectedTfjsModel, Trainability } from '../../training/index.ts';
import { humanBytes } from '../output.ts';

/** What `model inspect` knows of an ONNX file. */
export interface ModelFacts {
  readonly file: string;
  readonly model: InspectedModel;
  readonly training: Trainability;
  /** Absent for a model that does not train. */
  readonly round?: {
    readonly sites: number;
    readonly secure: RoundBytes;
    readonly sixteenBits: RoundBytes;
    /** A quarter of the blocks, 16 bits. */
    readonly sparse: RoundBytes;
    readonly plain: RoundBytes;
  };
}

/** Lines on an ONNX model. */
export function onnxLines({ file, model, training, round }: ModelFacts): string[] {
  const port = ({ name, dtype, dims }: InspectedModel['inputs'][number]): string =>
    `${name} ${dtype}[${dims.join(', ')}]`;
  const lines = [
    `${file}: opset ${model.opset}, ${humanBytes(model.bytes)}${model.producer ? `, written by ${model.producer}` : ''}`,
    `inputs      ${model.inputs.map(port).join('; ')}`,
    `outputs     ${model.outputs.map(port).join('; ')}`,
    `parameters  ${model.parameterCount} in ${model.parameters.length} tensors`,
    ...model.parameters.map(({ name, dims, count }) => `  ${name.padEnd(32)} [${dims.join(', ')}]  ${count}`),
    `operators   ${model.nodes.length}`,
  ];
  for (const op of new Set(model.nodes.map((node) => node.op))) {
    const nodes = model.nodes.filter((node) => node.op === op);
    const does = nodes.every(({ supported }) => supported) ? 'trains' : 'does not train';
    lines.push(`  ${op.padEnd(20)} ×${nodes.length}  ${does}`);
  }
  return [...lines, ...trainingLines(training), ...(round ? roundLines(round) : [])];
}

function trainingLines(training: Trainability): string[] {
  if (!training.trains)
    return [
      'trains      no',
      ...training.obstacles.map(({ op, node, reason }) => `  ${op === '' ? '' : `${op} (node "${node}"): `}${reason}`),
    ];
  const { loss, trained, runningStatistics, batchSize, step } = training;
  const { memory, forward, backward, update } = step;
  const statistics = runningStatistics > 0 ? `, and ${runningStatistics} running statistics move` : '';
  const parts = (['parameters', 'gradients', 'optimiser', 'inputs', 'activations'] as const)
    .map((part) => `${part} ${humanBytes(memory[part])}`)
    .join(', ');
  return [
    `trains      yes: ${trained} parameters${statistics}; counted with ${loss} and adam`,
    `a step      ${batchSize} rows`,
    `  arithmetic  ${flops(forward)} forward, ${flops(backward)} backward, ${flops(update)} update`,
    `  memory      ${humanBytes(memory.total)} in use at once (${parts}); onnxruntime takes up to three times that`,
  ];
}

function roundLines({ sites, secure, sixteenBits, sparse, plain }: NonNullable<ModelFacts['round']>): string[] {
  const moved = ({ sent, received }: RoundBytes): string =>
    `${humanBytes(sent)} sent, ${humanBytes(received)} received`;
  return [
    `a round     at each of ${sites} sites, everything included`,
    `  secure      ${moved(secure)}`,
    `  16 bits     ${moved(sixteenBits)}`,
    `  and sparse  ${moved(sparse)}, a quarter of the blocks`,
    `  plain       ${moved(plain)}`,
  ];
}

/** Operations for people: 1.2 kFLOP, 3.4 MFLOP, 5.6 GFLOP. */
function flops({ matrix, elementwise }: Flops): string {
  const count = matrix + elementwise;
  const [unit, size]: [string, number] = count < 1e6 ? ['k', 1e3] : count < 1e9 ? ['M', 1e6] : ['G', 1e9];
  return `${(count / size).toFixed(1)} ${unit}FLOP`;
}

/** Lines on a TensorFlow.js model. */
export function tfjsLines(file: string, model: InspectedTfjsModel): string[] {
  return [
    `${file}: TensorFlow.js Layers model, ${humanBytes(model.bytes)} of weights`,
    `input       float32[${model.input.map((dim) => dim ?? 'batch').join(', ')}]`,
    `parameters  ${model.parameterCount} in ${model.parameters.length} tensors`,
    ...model.parameters.map(({ name, dims, count }) => `  ${name.padEnd(40)} [${dims.join(', ')}]  ${count}`),
    `layers      ${model.layers.length}`,
    ...model.layers.map(({ name, className, problems }) => {
      const does = problems.length === 0 ? 'trains' : `does not train: ${problems.join('; ')}`;
      return `  ${className.padEnd(24)} ${name.padEnd(32)} ${does}`;
    }),
  ];
}
