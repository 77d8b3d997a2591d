#!/usr/bin/env node
/**
 * The `konsil` command: parses, runs one command, turns errors into messages and exit codes.
 * @module
 */
import { Command, CommanderError } from 'commander';
import { addBrokerCommand } from './commands/broker.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addJoinCommand } from './commands/join.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addModelCommand } from './commands/model.ts';
import { addPodCommand } from './commands/pod.ts';
import { addRunCommand } from './commands/run.ts';
import { addValidateCommand } from './commands/validate.ts';
import { VERSION } from './environment.ts';
import { EXIT, exitCodeOf, Output } from './output.ts';

const program = new Command('konsil')
  .description('federated learning for hospitals: the data stays, masked updates leave, the coordinator learns the sum')
  .version(VERSION)
  .showSuggestionAfterError()
  .exitOverride();
addDemoCommand(program);
addBrokerCommand(program);
addPodCommand(program);
addRunCommand(program);
addJoinCommand(program);
addKeysCommand(program);
addValidateCommand(program);
addModelCommand(program);

try {
  await program.parseAsync();
  // a worker thread or socket that is still closing must not keep a finished command alive
  process.exit(process.exitCode ?? EXIT.ok);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  new Output(process.argv.includes('--json')).error(error);
  process.exit(exitCodeOf(error));
}
