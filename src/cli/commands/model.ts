/** `konsil model`: what an ONNX file contains and whether it trains; new files. @module */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { KonsilError, messageOf } from '../../base/index.ts';
import { inspectModel } from '../../training/index.ts';
import { humanBytes, Output } from '../output.ts';
import { addModelNewCommand } from './modelNew.ts';

export function addModelCommand(program: Command): void {
  const models = program.command('model').description('look at ONNX models, make new ones');
  addModelNewCommand(models);
  models
    .command('inspect')
    .description('layers, parameters, size, and which operators train')
    .argument('<model.onnx>')
    .option('--json', 'one JSON value')
    .action((file: string, flags: { json?: boolean }) => {
      const output = new Output(flags.json ?? false);
      const model = inspectModel(readModelFile(file), file);
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

function readModelFile(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: ${messageOf(cause)}`, { file }, { cause });
  }
}
