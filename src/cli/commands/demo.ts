/**
 * `konsil demo`: a whole federation on this machine, every part its own process: broker, hospitals, coordinator.
 * @module
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { KonsilError } from '../../base/index.ts';
import type { RunEvent } from '../../coordinator/index.ts';
import { exportPublic, type Identity, mailboxOf } from '../../crypto/index.ts';
import { createIdentity, findIdentity, PeerBook, readIdentity } from '../../keystore/index.ts';
import {
  isAnalysis,
  type LocalAnalysis,
  type LocalTask,
  type PodConfig,
  readAnyTask,
  readPodConfig,
} from '../../tasks/index.ts';
import { addBrokerUser } from '../../transport/index.ts';
import { askQuestion } from '../ask.ts';
import { Children } from '../children.ts';
import { cancelOnSignals, Output } from '../output.ts';
import { PACKAGE_ROOT } from '../package.ts';
import { runTask } from './run.ts';

/** Examples that are whole federations, the first by default. */
const EXAMPLES = ['breast-cancer', 'image-folders', 'dicom', 'two-cohorts', 'evaluate-across-hospitals'] as const;
type Example = (typeof EXAMPLES)[number];
/** Phases of a round in which a pod can be killed. */
const PHASES = ['training', 'keys', 'shares', 'masked input', 'consistency', 'unmasking'];

interface Flags {
  readonly dir?: string;
  readonly kill?: string;
  readonly comparison: boolean;
  readonly json?: boolean;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run a whole federation on this machine: broker, hospitals, coordinator')
    .addArgument(new Argument('[example]', 'which one').choices(EXAMPLES).default(EXAMPLES[0]))
    .option('--dir <folder>', 'folder of the example; made from the packaged one when it does not exist')
    .option('--kill <pod@phase>', 'kill a pod (SIGKILL) when the phase of round 3 begins, e.g. hospital-d@shares')
    .option('--no-comparison', 'leave out training on each site alone and on all rows')
    .option('--json', 'one JSON value a line')
    .action(demo);
}

async function demo(example: Example, flags: Flags): Promise<void> {
  const output = new Output(flags.json ?? false);
  // its processes are in groups of their own: a closed terminal would leave them behind. Daemons keep to nohup's SIGHUP.
  const signal = cancelOnSignals('SIGHUP');
  const folder = exampleFolder(example, flags.dir);
  const task = await readAnyTask(join(folder, 'task.yaml'));
  const pods = await Promise.all(
    readdirSync(folder)
      .filter((name) => /^hospital-.*\.ya?ml$/.test(name))
      .sort()
      .map((name) => readPodConfig(join(folder, name))),
  );
  const kill = flags.kill === undefined ? null : parseKill(flags.kill, pods);
  output.line(`example in ${folder}: open and edit its files, then run it again`);
  const children = new Children(signal);
  // pods of a demo remember nothing of the one before: they would refuse the same numbers without the hospital that was killed
  const state = mkdtempSync(join(tmpdir(), 'konsil-demo-'));
  try {
    const passwords = introduceEverybody(task, pods);
    const usersFile = join(folder, 'keys', 'broker-users.json');
    const broker = await children.start('broker', ['broker', '--port', '0', '--users', usersFile], {}, 'listening');
    const url = String(broker['url']);
    output.line(`broker on ${url}, in its own process`);
    await Promise.all(
      pods.map((pod) =>
        children.start(
          pod.name,
          ['pod', pod.file, '--broker', url, '--state', join(state, pod.name)],
          { KONSIL_BROKER_PASSWORD: passwords.get(pod.name)! },
          'ready',
        ),
      ),
    );
    output.line(`${pods.length} hospitals running, each with its own data and key`);
    process.env['KONSIL_BROKER_PASSWORD'] = passwords.get('')!;
    for (const question of await questionsIn(folder)) {
      output.line(`\nfirst a question: ${question.local.file}`);
      await askQuestion(question, { flags: { broker: url }, output, signal });
    }
    if (isAnalysis(task)) {
      await askQuestion(task, { flags: { broker: url }, output, signal });
      return;
    }
    await runTask(task, {
      ...{ flags: { broker: url, fresh: true }, compare: flags.comparison ? pods : [], signal, output },
      onEvent: (event) => {
        if (kill && isKillMoment(event, kill.phase)) children.kill(kill.pod);
      },
    });
  } finally {
    await children.stopAll();
    rmSync(state, { recursive: true, force: true });
  }
}

/** What an example asks before it trains. */
async function questionsIn(folder: string): Promise<LocalAnalysis[]> {
  const names = readdirSync(folder).filter((name) => /^question-.*\.ya?ml$/.test(name));
  const tasks = await Promise.all(names.sort().map((name) => readAnyTask(join(folder, name))));
  return tasks.filter(isAnalysis);
}

/** The example in place when we are in a checkout; otherwise a copy the user may edit. */
function exampleFolder(example: Example, wanted: string | undefined): string {
  const source = join('examples', example);
  const inPlace = resolve(source);
  const folder = resolve(
    wanted ??
      (existsSync(join(inPlace, 'task.yaml'))
        ? inPlace
        : example === EXAMPLES[0]
          ? 'konsil-demo'
          : `konsil-${example}`),
  );
  if (!existsSync(join(folder, 'task.yaml'))) {
    mkdirSync(folder, { recursive: true });
    cpSync(join(PACKAGE_ROOT, source), folder, {
      recursive: true,
      filter: (path) => !/[/\\](keys|runs|state)$/.test(path),
    });
  }
  return folder;
}

/** Makes missing identities, pins everybody to everybody, and gives each a broker account. @returns passwords by pod; '' is the modeller's. */
function introduceEverybody(task: LocalTask | LocalAnalysis, pods: readonly PodConfig[]): Map<string, string> {
  const open = (folder: string): Identity =>
    findIdentity(folder) === 'none' ? createIdentity(folder) : readIdentity(folder);
  const modeller = { name: task.modellerName ?? 'researcher', role: 'modeller' as const, folder: task.local.identity };
  const parties = [
    modeller,
    ...pods.map((pod) => ({ name: pod.name, role: 'pod' as const, folder: pod.identity })),
  ].map((party) => ({
    ...party,
    identity: open(party.folder),
  }));
  const passwords = new Map<string, string>();
  for (const party of parties) {
    const book = PeerBook.read(party.folder);
    for (const other of parties) if (other !== party) book.pin(other.name, other.role, exportPublic(other.identity));
    const users = join(resolve(task.local.identity, '..'), 'broker-users.json');
    const password = addBrokerUser(users, mailboxOf(party.identity.public.id));
    passwords.set(party.role === 'modeller' ? '' : party.name, password);
  }
  return passwords;
}

function parseKill(text: string, pods: readonly PodConfig[]): { readonly pod: string; readonly phase: string } {
  const [pod = '', phase = ''] = text.split('@');
  if (!pods.some(({ name }) => name === pod) || !PHASES.includes(phase))
    throw new KonsilError(
      'USAGE',
      `--kill ${text}: expected pod@phase with one of the pods ${pods.map(({ name }) => name).join(', ')} and one of the phases ${PHASES.join(', ')}`,
    );
  return { pod, phase };
}

const isKillMoment = (event: RunEvent, phase: string): boolean =>
  event.type === 'phase' && event.purpose === 'update' && event.completed === 2 && event.phase === phase;
