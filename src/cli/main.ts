#!/usr/bin/env node
/**
 * The `konsil` command: parses, runs one command, turns errors into messages and exit codes.
 * @module
 */
import { Command, CommanderError } from 'commander';
import { KonsilError } from '../base/index.ts';
import { addBrokerCommand } from './commands/broker.ts';
import { addDatasetCommand } from './commands/dataset.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addJoinCommand } from './commands/join.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addModelCommand } from './commands/model.ts';
import { addPodCommand } from './commands/pod.ts';
import { addRunCommand } from './commands/run.ts';
import { addRunsCommand } from './commands/runs.ts';
import { addSecaggCommand } from './commands/secagg.ts';
import { addSimCommand } from './commands/sim.ts';
import { addStatsCommand } from './commands/stats.ts';
import { addTaskCommand } from './commands/task.ts';
import { addTrainCommand } from './commands/train.ts';
import { addValidateCommand } from './commands/validate.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { VERSION } from './environment.ts';
import { EXIT, exitCodeOf, Output } from './output.ts';

const output = new Output(process.argv.includes('--json'));
const program = new Command('konsil')
  .description('federated learning for hospitals: the data stays, masked updates leave, the coordinator learns the sum')
  .version(VERSION)
  .showSuggestionAfterError()
  .enablePositionalOptions() // an option after `pod status` is not one of `pod`
  .configureOutput(output.json ? { writeErr: () => undefined } : {})
  .exitOverride();
addDemoCommand(program);
addBrokerCommand(program);
addPodCommand(program);
addRunCommand(program);
addRunsCommand(program);
addTrainCommand(program);
addStatsCommand(program);
addTaskCommand(program);
addJoinCommand(program);
addKeysCommand(program);
addSimCommand(program);
addDatasetCommand(program);
addValidateCommand(program);
addModelCommand(program);
addSecaggCommand(program);
addVerifyCommand(program);

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
