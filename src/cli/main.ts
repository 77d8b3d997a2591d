#!/usr/bin/env node
/**
 * The `konsil` command: parses, runs one command, turns errors into messages and exit codes.
 * @module
 */
import { Command, CommanderError } from 'commander';
import { KonsilError } from '../base/index.ts';
import { EXIT, exitCodeOf, Output } from './output.ts';
import { VERSION } from './package.ts';

/** Each loads what it needs and no more: most of a short command's time is loading. In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  demo: async () => (await import('./commands/demo.ts')).addDemoCommand,
  broker: async () => (await import('./commands/broker.ts')).addBrokerCommand,
  pod: async () => (await import('./commands/pod.ts')).addPodCommand,
  run: async () => (await import('./commands/run.ts')).addRunCommand,
  runs: async () => (await import('./commands/runs.ts')).addRunsCommand,
  train: async () => (await import('./commands/train.ts')).addTrainCommand,
  stats: async () => (await import('./commands/stats.ts')).addStatsCommand,
  task: async () => (await import('./commands/task.ts')).addTaskCommand,
  join: async () => (await import('./commands/join.ts')).addJoinCommand,
  keys: async () => (await import('./commands/keys.ts')).addKeysCommand,
  sim: async () => (await import('./commands/sim.ts')).addSimCommand,
  dataset: async () => (await import('./commands/dataset.ts')).addDatasetCommand,
  validate: async () => (await import('./commands/validate.ts')).addValidateCommand,
  model: async () => (await import('./commands/model.ts')).addModelCommand,
  secagg: async () => (await import('./commands/secagg.ts')).addSecaggCommand,
  verify: async () => (await import('./commands/verify.ts')).addVerifyCommand,
};

const output = new Output(process.argv.includes('--json'));
const program = new Command('konsil')
  .description('federated learning for hospitals: the data stays, masked updates leave, the coordinator learns the sum')
  .version(VERSION)
  .showSuggestionAfterError()
  .enablePositionalOptions() // an option after `pod status` is not one of `pod`
  .configureOutput(output.json ? { writeErr: () => undefined } : {})
  .exitOverride();
// whatever is no command, a word that is misspelt or asks for help, needs the names of all
const [asked = ''] = process.argv.slice(2);
const named = Object.hasOwn(COMMANDS, asked)
  ? [COMMANDS[asked]!]
  : asked === '--version'
    ? []
    : Object.values(COMMANDS);
for (const add of await Promise.all(named.map((load) => load()))) add(program);

// `konsil … | head`: whoever read has gone, there is nobody to tell
process.stdout.on('error', () => process.exit(EXIT.failed));

try {
  await program.parseAsync();
  // a worker thread or socket that is still closing must not keep a finished command alive
  process.exit(process.exitCode ?? EXIT.ok);
} catch (error) {
  if (error instanceof CommanderError) {
    // for people, commander has said it already
    if (output.json && error.exitCode !== 0)
      output.error(new KonsilError('USAGE', error.message.replace(/^error: /, '')));
    process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  }
  output.error(error);
  process.exit(exitCodeOf(error));
}
