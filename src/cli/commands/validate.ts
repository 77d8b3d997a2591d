/** `konsil validate`: checks a task or pod file without running anything. @module */
import type { Command } from 'commander';
import { checkModelOutput, trainerOptions } from '../../protocols/index.ts';
import { isAnalysis, readAnyTask, readPodConfig, roundsOf } from '../../tasks/index.ts';
import { Trainer } from '../../training/index.ts';
import { Output } from '../output.ts';
import { addInputOptions, type InputFlags, taskInputs } from '../taskInputs.ts';

export function addValidateCommand(program: Command): void {
  addInputOptions(program.command('validate'))
    .description('check a task file (and the model it names), or a pod file with --pod')
    .argument('<file.yaml>')
    .option('--pod', "the file is a pod's")
    .option('--json', 'one JSON value')
    .action(async (file: string, flags: InputFlags & { pod?: boolean }) => {
      const output = new Output(flags.json ?? false);
      if (flags.pod) {
        const config = await readPodConfig(file);
        output.value({ valid: true, pod: config.name, datasets: config.datasources.map(({ name }) => name) });
        return output.line(`${file}: valid pod ${config.name} with ${config.datasources.length} dataset(s)`);
      }
      const task = await readAnyTask(file, await taskInputs(file, flags));
      if (isAnalysis(task)) {
        const mode = !task.aggregator.adds ? 'separate' : task.aggregator.secure ? 'secure' : 'plain';
        output.value({ valid: true, pods: task.pods, algorithm: task.algorithm.name, mode });
        return output.line(`${file}: valid; asks ${task.pods.length} pods (${task.algorithm.name}), ${mode} results`);
      }
      const { modelFile } = task.local;
      if (modelFile !== undefined) {
        const trainer = await Trainer.create(trainerOptions(task, { file: modelFile }, modelFile));
        const { program } = trainer;
        await trainer.close();
        checkModelOutput(program, task);
      }
      const mode = task.aggregator.secure ? 'secure' : 'plain';
      output.value({ valid: true, pods: task.pods, rounds: roundsOf(task), mode });
      output.line(`${file}: valid; ${task.pods.length} pods, ${roundsOf(task)} rounds, ${mode} aggregation`);
    });
}
