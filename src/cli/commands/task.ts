/** `konsil task`: what a task asks of people before it runs, and files that list tasks. @module */
import type { Command } from 'commander';
import { formOf, readConfigText, readTaskTemplates } from '../../tasks/index.ts';
import { Output } from '../output.ts';

export function addTaskCommand(program: Command): void {
  const task = program.command('task').description('forms of tasks with a template, and files that list tasks');
  task
    .command('form')
    .description('print the inputs of a task as JSON (schema/task-form.schema.json), for whatever shows a form')
    .argument('<task.yaml>')
    .action(async (file: string) => {
      const { form } = formOf(await readConfigText(file), file);
      process.stdout.write(`${JSON.stringify(form, null, 2)}\n`);
    });
  task
    .command('check')
    .description('check a file that lists tasks and models (task-templates), and every task in it')
    .argument('<templates.yaml>')
    .option('--json', 'one JSON value')
    .action(async (file: string, flags: { readonly json?: boolean }) => {
      const output = new Output(flags.json ?? false);
      const { templates, models } = await readTaskTemplates(file);
      output.value({ valid: true, templates, models });
      output.line(`${file}: valid; ${templates.length} task(s), ${models.length} model(s)`);
      for (const { slug, type, tags, inputs } of templates) {
        const asked = inputs.length === 0 ? '' : `; needs ${inputs.join(', ')}`;
        output.line(`  ${slug}  ${[type, ...tags].join(', ')}${asked}`);
      }
    });
}
