/** `konsil stats`: figures over all sites that a training task is prepared with. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import { isAnalysis, type LocalAnalysis, readAnyTask } from '../../tasks/index.ts';
import { askQuestion } from '../ask.ts';
import { type BrokerFlags } from '../environment.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { addBrokerOptions, wholeNumber } from './shared.ts';

type Flags = BrokerFlags & {
  readonly bins?: string;
  readonly minimumCount?: string;
  readonly out?: string;
  readonly transcript?: boolean;
  readonly json?: boolean;
};

export function addStatsCommand(program: Command): void {
  addBrokerOptions(program.command('stats'))
    .description(
      'figures of the columns of a training task over all its sites: means, quantiles, classes, image channels',
    )
    .argument('<task.yaml>')
    .option('--bins <n>', 'bins of the histograms that quantiles are read from', '256')
    .option('--minimum-count <n>', 'give no figures from fewer rows than this', '10')
    .option('--out <file>', 'also write them to this file, which data_structure.statistics of a task may name')
    .option('--transcript', 'keep what is public of each secure sum')
    .option('--json', 'one JSON value a line')
    .action(stats);
}

async function stats(file: string, flags: Flags): Promise<void> {
  const task = await readAnyTask(file);
  if (isAnalysis(task))
    throw new KonsilError(
      'USAGE',
      `${file} asks for something itself; run it with \`konsil run\`. Expected a task that trains`,
    );
  const { pods, modellerName, aggregator, deadlines, dataStructure, local } = task;
  const { secure, minimumCohort, cohort } = aggregator;
  const question: LocalAnalysis = {
    ...{ pods, deadlines, local },
    ...(modellerName !== undefined && { modellerName }),
    protocol: { name: 'ResultsOnly', saveLocation: ['Modeller'] },
    algorithm: {
      name: 'FederatedStatistics',
      quantiles: [0.05, 0.25, 0.5, 0.75, 0.95],
      bins: wholeNumber('--bins', flags.bins ?? '256', 8, 4_096),
      minimumCount: wholeNumber('--minimum-count', flags.minimumCount ?? '10', 1, 1_000_000),
      dataStructure,
    },
    aggregator: { ...{ adds: true, secure, minimumCohort }, ...(cohort && { cohort }) },
  };
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  await askQuestion(question, { flags, output, signal, ...(flags.out !== undefined && { out: flags.out }) });
}
