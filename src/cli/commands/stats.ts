/** `konsil stats`: figures over all sites that a training task is prepared with. @module */
import type { Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import {
  isAnalysis,
  type LocalAnalysis,
  readAnyTask,
  type StatisticsAlgorithm,
  type TaskData,
  withoutColumns,
  withoutOutcome,
} from '../../tasks/index.ts';
import { askQuestion } from '../ask.ts';
import { type BrokerFlags } from '../environment.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { addInputOptions, type InputFlags, taskInputs } from '../taskInputs.ts';
import { addBrokerOptions, wholeNumber } from './shared.ts';

type Flags = BrokerFlags &
  InputFlags & {
    readonly bins?: string;
    readonly minimumCount?: string;
    readonly vocabulary?: readonly string[];
    readonly minimumSites?: string;
    readonly vocabularySalt?: string;
    readonly out?: string;
    readonly transcript?: boolean;
    readonly json?: boolean;
  };

export function addStatsCommand(program: Command): void {
  addInputOptions(addBrokerOptions(program.command('stats')))
    .description(
      'figures of the columns of a training task over all its sites: means, quantiles, classes, image channels',
    )
    .argument('<task.yaml>')
    .option('--bins <n>', 'bins of the histograms that quantiles are read from', '256')
    .option('--minimum-count <n>', 'give no figures from fewer rows than this', '10')
    .option('--vocabulary <column...>', 'find the values of these columns that several sites share')
    .option('--minimum-sites <n>', 'with --vocabulary: show no value that fewer sites have', '2')
    .option('--vocabulary-salt <n>', 'with --vocabulary: another number makes other values collide', '0')
    .option('--out <file>', 'also write them to this file, which data_structure.statistics of a task may name')
    .option('--transcript', 'keep what is public of each secure sum')
    .option('--json', 'one JSON value a line')
    .action(stats);
}

async function stats(file: string, flags: Flags): Promise<void> {
  const task = await readAnyTask(file, await taskInputs(file, flags));
  if (isAnalysis(task))
    throw new KonsilError(
      'USAGE',
      `${file} asks for something itself; run it with \`konsil run\`. Expected a task that trains`,
    );
  const { pods, modellerName, aggregator, deadlines, local } = task;
  const dataStructure = withoutOutcome(task.dataStructure);
  if (dataStructure === undefined)
    throw new KonsilError(
      'USAGE',
      `${file} predicts masks, of which there are no figures; expected classes or numbers`,
    );
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
      ...columnsOf(flags, dataStructure, pods.length),
    },
    aggregator: { ...{ adds: true, secure, minimumCohort }, ...(cohort && { cohort }) },
  };
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  await askQuestion(question, { flags, output, signal, ...(flags.out !== undefined && { out: flags.out }) });
}

/** What figures are of, and what only the values are found of. */
function columnsOf(
  flags: Flags,
  dataStructure: TaskData,
  pods: number,
): Pick<StatisticsAlgorithm, 'dataStructure' | 'vocabulary'> {
  const columns = [...new Set(flags.vocabulary ?? [])];
  if (columns.length === 0) return { dataStructure };
  if (columns.length > 16)
    throw new KonsilError('USAGE', `--vocabulary: ${columns.length} columns; expected at most 16`);
  if (columns.includes(dataStructure.target))
    throw new KonsilError('USAGE', '--vocabulary: names the target, whose classes are listed in categories');
  return {
    dataStructure: withoutColumns(dataStructure, columns),
    vocabulary: {
      columns,
      minimumSites: wholeNumber('--minimum-sites', flags.minimumSites ?? '2', 2, Math.max(2, pods)),
      salt: wholeNumber('--vocabulary-salt', flags.vocabularySalt ?? '0', 0, 65_535),
    },
  };
}
