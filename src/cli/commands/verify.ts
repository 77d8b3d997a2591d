/** `konsil verify`: checks what a run left behind. @module */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { checkTogether, checkTranscript, type NamedReport, parseTranscript } from '../../aggregation/index.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import { fingerprint, type PeerId } from '../../crypto/index.ts';
import { PeerBook } from '../../keystore/index.ts';
import { Output } from '../output.ts';
import { type Pin, transcriptLines } from '../render/transcript.ts';

interface Flags {
  readonly keys?: string;
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description('check what a run left behind')
    .command('transcript')
    .description('whether the coordinator could have learned more than the sums; fails when a rule was broken')
    .argument('<file-or-folder>', 'a .jsonl of `konsil run --transcript`, or the folder of them')
    .option('--keys <folder>', 'compare the keys with those pinned by this identity')
    .option('--json', 'one JSON value a line')
    .action(verify);
}

/** @throws KonsilError FILE_NOT_FOUND, or TRANSCRIPT_INVALID after everything was printed. */
function verify(path: string, flags: Flags): void {
  const output = new Output(flags.json ?? false);
  const pinOf = flags.keys === undefined ? (): Pin => '' : pinsOf(flags.keys);
  const reports = transcriptsAt(path).map((file): NamedReport => {
    try {
      return { file: basename(file), report: checkTranscript(parseTranscript(readFileSync(file, 'utf8'))) };
    } catch (error) {
      if (!isKonsilError(error, 'TRANSCRIPT_INVALID')) throw error;
      throw new KonsilError('TRANSCRIPT_INVALID', `${file}: ${error.message}`, error.facts, { cause: error });
    }
  });
  const together = checkTogether(reports);
  let wrong = together.length;
  for (const { file, report } of reports) {
    const { session, keys: _keys, coordinator, pods, ...rest } = report;
    const others = pods.filter(({ name, id }) => pinOf(name, id) === 'NOT the pinned key');
    wrong += report.findings.length + others.length;
    output.value({
      ...{ type: 'transcript', file, run: session?.runId, round: session?.round, attempt: session?.attempt },
      ...{ purpose: session?.purpose, coordinator: coordinator && fingerprint(coordinator) },
      pods: pods.map(({ id, ...pod }) => ({ ...pod, fingerprint: fingerprint(id), pin: pinOf(pod.name, id) })),
      ...rest,
    });
    output.line(`${transcriptLines(file, report, pinOf).join('\n')}\n`);
  }
  for (const { file, what } of together) output.line(`WRONG  ${file}: ${what}`);
  output.value({ type: 'verdict', transcripts: reports.length, wrong, together });
  if (wrong > 0) throw new KonsilError('TRANSCRIPT_INVALID', `${path}: ${wrong} rules of the protocol are not kept`);
  output.line(`${reports.length} transcript${reports.length === 1 ? '' : 's'}: all rules are kept`);
}

function pinsOf(folder: string): (name: string, id: PeerId) => Pin {
  const peers = PeerBook.read(folder);
  return (name, id) => {
    const pinned = peers.findByName(name);
    if (!pinned) return 'unknown here';
    return pinned.public.id === id ? 'pinned' : 'NOT the pinned key';
  };
}

/** @throws KonsilError FILE_NOT_FOUND when there is none. */
function transcriptsAt(path: string): string[] {
  let files: string[];
  try {
    files = statSync(path).isDirectory() ? jsonLines(path) : [path];
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${path}: cannot be read`, { path }, { cause });
  }
  if (files.length === 0) throw new KonsilError('FILE_NOT_FOUND', `${path}: no transcript in this folder`, { path });
  return files;
}

const jsonLines = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(folder, name));
