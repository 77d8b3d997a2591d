/** `konsil model`: what a model file contains and whether it trains; new files. @module */
import type { Command } from 'commander';
import {
  type InspectedTfjsModel,
  inspectModel,
  inspectTfjsFile,
  modelKindOf,
  readModelFile,
} from '../../training/index.ts';
import { humanBytes, Output } from '../output.ts';
import { addModelNewCommand } from './modelNew.ts';

export function addModelCommand(program: Command): void {
  const models = program.command('model').description('look at ONNX and TensorFlow.js models, make new ones');
  addModelNewCommand(models);
  models
    .command('inspect')
    .description('layers, parameters, size, and which of them train')
    .argument('<model.onnx | model.json>')
    .option('--json', 'one JSON value')
    .action(async (file: string, flags: { json?: boolean }) => {
      const output = new Output(flags.json ?? false);
      if (modelKindOf(file) === 'tfjs') return showTfjs(output, file, await inspectTfjsFile(file));
      const model = inspectModel(await readModelFile(file), file);
      output.value(model);
      const port = ({ name, dtype, dims }: (typeof model.inputs)[number]): string =>
        `${name} ${dtype}[${dims.join(', ')}]`;
      output.line(
        `${file}: opset ${model.opset}, ${humanBytes(model.bytes)}${model.producer ? `, written by ${model.producer}` : ''}`,
      );
      output.line(`inputs      ${model.inputs.map(port).join('; ')}`);
      output.line(`outputs     ${model.outputs.map(port).join('; ')}`);
      output.line(`parameters  ${model.parameterCount} in ${model.parameters.length} tensors`);
      for (const { name, dims, count } of model.parameters)
        output.line(`  ${name.padEnd(32)} [${dims.join(', ')}]  ${count}`);
      output.line(`operators   ${model.nodes.length}`);
      for (const op of new Set(model.nodes.map((node) => node.op))) {
        const nodes = model.nodes.filter((node) => node.op === op);
        output.line(
          `  ${op.padEnd(20)} ×${nodes.length}  ${nodes.every(({ supported }) => supported) ? 'trains' : 'does not train'}`,
        );
      }
    });
}

function showTfjs(output: Output, file: string, model: InspectedTfjsModel): void {
  output.value(model);
  output.line(`${file}: TensorFlow.js Layers model, ${humanBytes(model.bytes)} of weights`);
  output.line(`input       float32[${model.input.map((dim) => dim ?? 'batch').join(', ')}]`);
  output.line(`parameters  ${model.parameterCount} in ${model.parameters.length} tensors`);
  for (const { name, dims, count } of model.parameters)
    output.line(`  ${name.padEnd(40)} [${dims.join(', ')}]  ${count}`);
  output.line(`layers      ${model.layers.length}`);
  for (const { name, className, problems } of model.layers)
    output.line(
      `  ${className.padEnd(24)} ${name.padEnd(32)} ${problems.length === 0 ? 'trains' : `does not train: ${problems.join('; ')}`}`,
    );
}
