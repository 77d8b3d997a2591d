/** `konsil model`: what a model file contains, whether it trains and what that costs; new files. @module */
import type { Command } from 'commander';
import { type MaskedRound, roundBytes } from '../../protocols/index.ts';
import { assessTraining, inspectModel, inspectTfjsFile, modelKindOf, readModelFile } from '../../training/index.ts';
import { Output } from '../output.ts';
import { type ModelFacts, onnxLines, tfjsLines } from '../render/model.ts';
import { addModelNewCommand } from './modelNew.ts';
import { addModelStoreCommands } from './modelStore.ts';
import { wholeNumber } from './shared.ts';

interface Flags {
  readonly batch: string;
  readonly sites: string;
  readonly json?: boolean;
}

export function addModelCommand(program: Command): void {
  const models = program
    .command('model')
    .description('look at ONNX and TensorFlow.js models, make new ones, keep them by name');
  addModelNewCommand(models);
  addModelStoreCommands(models);
  models
    .command('inspect')
    .description('layers, parameters, size, whether it trains, and what a step and a round cost')
    .argument('<model.onnx | model.json>')
    .option('--batch <rows>', 'rows in a training step', '32')
    .option('--sites <count>', 'sites in a round', '4')
    .option('--json', 'one JSON value')
    .action(inspect);
}

async function inspect(file: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const batch = wholeNumber('--batch', flags.batch, 1, 1 << 20);
  const sites = wholeNumber('--sites', flags.sites, 1, 10_000);
  if (modelKindOf(file) === 'tfjs') {
    const model = await inspectTfjsFile(file);
    output.value(model);
    return output.line(tfjsLines(file, model).join('\n'));
  }
  const bytes = await readModelFile(file);
  const model = inspectModel(bytes, file);
  const training = assessTraining(bytes, file, batch);
  const facts: ModelFacts = { file, model, training, ...(training.trains && { round: rounds(training, sites) }) };
  output.value({ ...model, training, ...(facts.round && { round: facts.round }) });
  output.line(onnxLines(facts).join('\n'));
}

/** Running statistics are averaged too. */
function rounds(
  { trained, runningStatistics }: { readonly trained: number; readonly runningStatistics: number },
  sites: number,
): NonNullable<ModelFacts['round']> {
  const moved = (masked: MaskedRound | null) => roundBytes(trained + runningStatistics, sites, masked);
  return {
    ...{ sites, secure: moved({}), sixteenBits: moved({ bits: 16, stretches: 1 }) },
    ...{ sparse: moved({ bits: 16, stretches: 1, sparse: 0.25 }), plain: moved(null) },
  };
}
