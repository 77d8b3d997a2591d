/**
 * The generated parts of docs/reference/attacks.md: what the catalogue mounts, and what is tested by other means.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE, CATALOGUE_FILES } from '../attacks/catalogue/index.ts';
import type { Attack } from '../attacks/support/attack.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Attacks that no edit of the source turns into successes, or that concern more than one module: [attack, defence, test file, its title]. */
const ELSEWHERE: readonly (readonly [string, string, string, string])[] = [
  [
    'timing of the comparison of shares',
    '`equalSecret`: `timingSafeEqual`; no early exit on secrets',
    'test/attacks/constantTime.test.ts',
    'are noticed when one of them stops early',
  ],
  [
    'off-curve signing keys, points of mixed order',
    '`importPublic` takes points of prime order only',
    'src/crypto/identity.test.ts',
    'signing keys that are no points of prime order',
  ],
  [
    "points of the twist, all encodings of small-order points (X25519 has no off-curve points that are not the twist's)",
    '`isAgreementKey`, `agree`',
    'src/crypto/crossLibrary.test.ts',
    'reads all encodings of a point alike, and says so',
  ],
  [
    'any order, repetition, loss and change of messages, restarts, two lists of survivors',
    'both state machines',
    'test/attacks/commands.test.ts',
    'whatever happens, in whatever order',
  ],
  [
    'any subset of pods lost in any phase',
    'both state machines',
    'test/attacks/dropouts.test.ts',
    'pods lost in any phase',
  ],
  [
    'statistics of masked vectors, between pods and rounds',
    'masks from AES-256-CTR under keys of one context',
    'test/attacks/statistics.test.ts',
    'are uncorrelated between pods and between rounds, and so are their differences',
  ],
  [
    'malformed bytes in any message, envelope, vector or identity',
    'strict parsing',
    'test/attacks/fuzz.test.ts',
    'is read from anything, or refused',
  ],
  [
    'asked for a sum or round again after a restart, whole programs',
    '`SumJournal`',
    'src/participant/restart.test.ts',
    'refuses the rounds and sums it took part in before',
  ],
  [
    'different parameters to different pods, whole programs',
    '`publicHash`',
    'src/participant/hostileCoordinator.test.ts',
    'gives no sum when pods are shown different parameters',
  ],
  [
    'NaN in parameters, standardisers and shares of hostile coordinators and pods, whole programs',
    '`PodRun`, coordinator',
    'src/coordinator/faults.slow.test.ts',
    'in a secure run is dropped for each thing it does, and the others go on',
  ],
  [
    'what a whole run writes, tells operators and shows the broker',
    '`Sealed`, errors without secrets, envelopes',
    'src/coordinator/secrets.test.ts',
    'leaves no secret in any file, event, notice or message',
  ],
  [
    'a private query asked in two runs at once, under another budget, or to learn what other modellers have spent',
    '`ModellerAccount`, `Ledger`',
    'src/participant/queryAccount.test.ts',
    'is charged at once for runs at the same time',
  ],
  [
    'lists of people that differ by one, that are nearly all or nearly nobody, to single somebody out in training',
    '`Selections`',
    'src/participant/people/selections.test.ts',
    'do not tell about one person by being usable or not',
  ],
  [
    'guesses, pods of its own and lists of other runs in an intersection among pods, by its coordinator',
    '`RingAnalysis`',
    'src/participant/people/ringAnalysis.test.ts',
    'it cannot sign as that pod',
  ],
];

const cell = (text: string): string => text.replaceAll('|', '\\|');
const unique = (items: readonly string[]): string[] => [...new Set(items)];

function row(attack: Attack, file: string): string {
  const files = unique(attack.defence.map((edit) => `\`${edit.file}\``)).join(', ');
  const code = attack.code === null ? '–' : `\`${attack.code}\``;
  return `| ${[attack.family, attack.name, attack.adversary, files, code, `\`${file}\``].map(cell).join(' | ')} |`;
}

/** Titles of tests that the page names and that are not in their file. */
export function missingTests(): string[] {
  return ELSEWHERE.filter(([, , file, title]) => !readFileSync(join(ROOT, file), 'utf8').includes(title)).map(
    ([, , file, title]) => `${file}: ${title}`,
  );
}

/** Parts of the page, by name. */
export function attackTables(): Record<string, string> {
  const families = unique(CATALOGUE.map(({ family }) => family));
  const edits = CATALOGUE.reduce((sum, { defence }) => sum + defence.length, 0);
  const codes = unique(CATALOGUE.flatMap(({ code }) => (code === null ? [] : [code])));
  const rows = Object.entries(CATALOGUE_FILES)
    .flatMap(([file, attacks]) => attacks.map((attack) => ({ family: attack.family, text: row(attack, file) })))
    .sort((a, b) => families.indexOf(a.family) - families.indexOf(b.family));
  return {
    counts: `${CATALOGUE.length} attacks of ${families.length} kinds; ${edits} edits of the source take their defences away; ${codes.length} error codes refuse them. ${ELSEWHERE.length} more kinds are tested by other means.`,
    catalogue: [
      '| kind | attack | who | defence in `src/` | refused with | in `test/attacks/catalogue/` |',
      '| --- | --- | --- | --- | --- | --- |',
      ...rows.map(({ text }) => text),
    ].join('\n'),
    elsewhere: [
      '| attack | defence | test |',
      '| --- | --- | --- |',
      ...ELSEWHERE.map(([attack, defence, file, title]) => `| ${cell(attack)} | ${defence} | \`${file}\`: ${title} |`),
    ].join('\n'),
  };
}
