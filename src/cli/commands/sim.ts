/** `konsil sim`: plays a scenario on this machine and says whether it went as expected. @module */
import type { Command } from 'commander';
import { readScenario, runScenario, SimulationView, verdictLines, writeReports } from '../../../sim/index.ts';
import { cancelOnSignals, EXIT, Output } from '../output.ts';

interface Flags {
  readonly out?: string;
  readonly json?: boolean;
  readonly variant?: string[];
  readonly keep?: string;
}

export function addSimCommand(program: Command): void {
  program
    .command('sim')
    .description('play a scenario: many pods and a coordinator on this machine, with faults and attackers')
    .argument('<scenario.yaml>')
    .option('--out <folder>', 'write result.json, junit.xml and report.html there')
    .option('--variant <name...>', 'only these of its variants')
    .option('--keep <folder>', 'keep runs, journals and ledgers of all pods there')
    .option('--json', 'one JSON value a line')
    .action(sim);
}

async function sim(file: string, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  const signal = cancelOnSignals();
  const scenario = await readScenario(file);
  const view = output.json ? null : new SimulationView({ stream: process.stdout });
  const result = await runScenario(scenario, {
    ...{ signal },
    ...(flags.variant && { variants: flags.variant }),
    ...(flags.keep !== undefined && { folder: flags.keep }),
    onEvent: (event) => {
      if (event.type !== 'run' || event.event.type !== 'progress') output.value(event);
      view?.show(event);
    },
  });
  if (flags.out !== undefined) writeReports(flags.out, result);
  output.value({ type: 'result', ...result });
  output.line(verdictLines(result).join('\n'));
  if (flags.out !== undefined) output.line(`report in ${flags.out}/report.html`);
  if (!result.passed) process.exitCode = EXIT.failed;
}
