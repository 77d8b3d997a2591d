/**
 * Sections on the exchange: what left each hospital, who dropped out, how it was protected.
 * @module
 */
import { dropOutsOf } from './facts.ts';
import { type Content, html, type Markup } from './markup.ts';
import { countOf, NOTHING, ranges, significant, size, whole } from './numbers.ts';
import type { PodResult, RunResult } from './result.ts';

/** Rows of a table that a reader will still look at. */
const MOST_ROWS = 40;

/** What both reports know of an exchange. */
interface Exchange {
  readonly privacy: RunResult['privacy'];
  /** 0 bytes: nothing to compare sizes with. */
  readonly model: { readonly float32Bytes: number };
  readonly cohort: readonly PodResult[];
  readonly status: RunResult['status'];
}

/** Every kind of message with its size next to the model's, and what each hospital moved over the broker. */
export function renderWhatLeft({ privacy, model, cohort, status }: Exchange): Content {
  const { float32Bytes } = model;
  const longest = privacy.whatLeft.reduce((most, { bytes }) => Math.max(most, bytes), float32Bytes);
  const totals = [sumOf(cohort, 'sentBytes'), sumOf(cohort, 'receivedBytes')] as const;
  return html`<p>Rows of data stay where they are. This is what a hospital sends instead, and who can read it.${
    status === 'aborted' && ' The run stopped early, so not all of it was sent.'
  }</p>
<div class="scroll"><table><caption>What one hospital sends, by kind${float32Bytes > 0 && `; for scale, the model itself is ${size(float32Bytes)} (32-bit numbers)`}.
Sizes are those of one message, before it is sealed; – where nothing was sent or the size was not recorded.</caption>
<thead><tr><th scope="col">What</th><th scope="col">To</th><th scope="col">Who can read it</th><th scope="col" class="number">Size</th></tr></thead>
<tbody>${privacy.whatLeft.map(
    ({ what, to, bytes, visibleTo }) =>
      html`<tr><th scope="row">${what}</th><td>${to}</td><td>${visibleTo}</td><td class="number">${sizeCell(bytes, float32Bytes, longest)}</td></tr>\n`,
  )}</tbody></table></div>
<div class="scroll"><table><caption>Everything each hospital moved through the broker over the whole run: all messages, encryption and control included.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Dataset</th><th scope="col">To the end?</th><th scope="col" class="number">Sent</th><th scope="col" class="number">Received</th></tr></thead>
<tbody>${cohort.map(
    ({ name, dataset, state, sentBytes, receivedBytes }) =>
      html`<tr><th scope="row">${name}</th><td>${dataset || NOTHING}</td><td>${STATES[state]}</td><td class="number">${size(sentBytes)}</td><td class="number">${size(receivedBytes)}</td></tr>\n`,
  )}
<tr class="total"><th scope="row" colspan="3">All hospitals</th><td class="number">${size(totals[0])}</td><td class="number">${size(totals[1])}</td></tr></tbody></table></div>`;
}

/** In words, with a sign. */
export const STATES: Readonly<Record<PodResult['state'], string>> = {
  finished: '✓ yes',
  rejected: '✕ did not take part',
  lost: '✕ connection lost',
  left: '✕ left',
};

function sumOf(cohort: readonly PodResult[], key: 'sentBytes' | 'receivedBytes'): number {
  return cohort.reduce((sum, pod) => sum + pod[key], 0);
}

function sizeCell(bytes: number, modelBytes: number, longest: number): Content {
  if (bytes <= 0) return NOTHING;
  const width = Math.max(1, Math.round((100 * bytes) / longest));
  return html`${size(bytes)}<svg class="size" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="bar" width="${width}" height="8"/></svg>${
    modelBytes > 0 && html`<span class="hint">${times(bytes / modelBytes)} the model</span>`
  }`;
}

function times(ratio: number): string {
  if (ratio < 0.1) return 'under a tenth of';
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)} ×`;
}

/** Hospitals that were missing in a round, and hospitals that did not stay. */
export function renderDropOuts(result: RunResult): Content {
  const dropOuts = dropOutsOf(result);
  const gone = result.cohort.filter(({ state }) => state !== 'finished');
  if (dropOuts.length === 0 && gone.length === 0)
    return html`<p class="note good"><strong>Nobody.</strong> ${
      result.rounds.length === 0 ? 'No round was completed.' : 'Every hospital was in every round.'
    }</p>`;
  return html`${dropOuts.length > 0 && dropOutTable(dropOuts)}${gone.length > 0 && goneTable(gone)}`;
}

function dropOutTable(dropOuts: ReturnType<typeof dropOutsOf>): Markup {
  const shown = dropOuts.slice(0, MOST_ROWS);
  return html`<p>A round goes on without a hospital that drops out, as long as enough are left; it may come back in a
later one. An update that had arrived before still counts.</p>
<div class="scroll"><table><caption>Drop-outs in completed rounds${shown.length < dropOuts.length && `; the first ${MOST_ROWS} of ${dropOuts.length}, the others are in result.json`}.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">Round</th><th scope="col">While</th><th scope="col">Its update</th><th scope="col">Reason</th></tr></thead>
<tbody>${shown.map(
    ({ pod, phase, reason, isCounted, rounds }) =>
      html`<tr><th scope="row">${pod}</th><td>${ranges(rounds)}</td><td>${PHASES[phase] ?? phase}</td><td>${isCounted ? 'counted' : 'left out'}</td><td>${reason || NOTHING}</td></tr>\n`,
  )}</tbody></table></div>`;
}

/** Phases of a round, as the coordinator names them. */
const PHASES: Readonly<Record<string, string>> = {
  training: 'training',
  update: 'sending its update',
  keys: 'agreeing on keys',
  shares: 'exchanging shares of its secrets',
  'masked input': 'sending its update',
  consistency: 'confirming who is still there',
  unmasking: 'opening the sum',
};

function goneTable(gone: readonly PodResult[]): Markup {
  return html`<div class="scroll"><table><caption>Not there at the end.</caption>
<thead><tr><th scope="col">Hospital</th><th scope="col">What happened</th><th scope="col">Reason</th></tr></thead>
<tbody>${gone.map(
    ({ name, state, reason }) =>
      html`<tr><th scope="row">${name}</th><td>${STATES[state]}</td><td>${reason ?? NOTHING}</td></tr>\n`,
  )}</tbody></table></div>`;
}

/** Who could see what, and what that does not cover. Claims nothing that the run's mode does not give. */
export function renderProtection(result: RunResult): Content {
  const answers = result.mode === 'secure' ? secureAnswers(result) : PLAIN_ANSWERS;
  return html`<dl>${[...answers, ...COMMON_ANSWERS, ...noiseAnswers(result)].map(([question, answer]) => html`<dt>${question}</dt><dd>${answer}</dd>\n`)}</dl>`;
}

type Answers = readonly (readonly [question: string, answer: Content])[];

const PLAIN_ANSWERS: Answers = [
  ['Mode', 'Plain: updates are averaged by the coordinator.'],
  [
    'Who could see one hospital’s update?',
    html`<strong>The coordinator.</strong> It received the update of each hospital as it is. An update can reveal something about the rows
it was trained on, so plain mode is for hospitals that trust the coordinator.`,
  ],
];

function secureAnswers({ secure, rounds, model, cohort }: RunResult): Answers {
  const mode = [
    'Mode',
    'Secure aggregation: of the model updates the coordinator learns sums over hospitals, nothing smaller.',
  ] as const;
  if (!secure || rounds.length === 0) return [mode, ['Updates', 'None was opened: no round was completed.']];
  const { threshold, colluding, minimum, clip, bound, scale = 'fixed', sparse } = secure;
  const clipped = rounds.reduce((sum, round) => sum + round.clipped, 0);
  // how many parameters a sparse update has differs by round
  const perUpdate = sparse === undefined ? model.parameters : 0;
  const sent = perUpdate * rounds.reduce((sum, { survivors }) => sum + survivors.length, 0);
  return [
    mode,
    [
      'Who could see one hospital’s update?',
      html`<strong>Nobody but the hospital.</strong> It is hidden under masks before it is sent; the masks cancel only in the sum.
This holds as long as ${colluding === 0 ? 'none' : `no more than ${colluding}`} of the hospitals in a round of all ${cohort.length} conspire with the coordinator.`,
    ],
    ['Fewest hospitals in a sum', `${minimum}. With fewer a round does not count.`],
    [
      'Shares needed to open a sum',
      `${threshold} with all ${cohort.length} hospitals in the round. Without that many hospitals agreeing on who is in it, nothing is opened.`,
    ],
    [
      'Largest step (clip)',
      html`${significant(clip)} for each parameter and round${scale === 'fixed' ? '' : ' at most, agreed on before every round'}. ${
        clipped === 0
          ? 'No value was clipped.'
          : `${countOf(clipped, 'value')} ${clipped === 1 ? 'was' : 'were'} clipped${sent > 0 ? `, of ${whole(sent)} sent` : ''}.`
      }`,
    ],
    [
      'Cost in accuracy',
      `Masking works on whole numbers${wholeNumbers(secure)}. Rounding moved no averaged parameter by more than ${significant(bound)} in the last round.`,
    ],
    ...(sparse === undefined ? [] : [sparseAnswer(sparse)]),
  ];
}

function sparseAnswer(share: number): Answers[number] {
  return [
    'What was sent of an update',
    `In each round ${significant(100 * share)} % of the blocks of 64 parameters: those that most hospitals had changed most, by a vote under masks. How many hospitals voted for which block was told to the coordinator, not which. What was not sent waited at the hospitals for a later round; what waited after the last one is not in the model.`,
  ];
}

/** How a parameter became a whole number, where the task says more than the default. */
function wholeNumbers({ bits = 32, rounding = 'nearest', rotation = false }: NonNullable<RunResult['secure']>): string {
  const ways = [
    ...(rotation ? ['after a random rotation'] : []),
    ...(rounding === 'stochastic' ? ['rounded up or down at random'] : []),
  ];
  return `, here of ${bits} bits${ways.length > 0 ? `, ${ways.join(', ')}` : ''}`;
}

const COMMON_ANSWERS: Answers = [
  [
    'What could the broker see?',
    'Sealed messages: their size, their time, and which mailbox they were for. It cannot read, forge or change one unnoticed.',
  ],
];

const NO_NOISE: Answers = [
  [
    'What is not covered',
    html`No noise was added (no differential privacy): the model and the sums themselves can still reveal something about the hospitals as a group.
A hospital that lies about its own data is not detected.`,
  ],
];

function noiseAnswers({ differentialPrivacy: noise }: RunResult): Answers {
  if (!noise || noise.rounds === 0) return NO_NOISE;
  const { epsilon, delta, noiseMultiplier, clipNorm, survivors, colluding, mechanism, notCovered } = noise;
  const who =
    mechanism === 'gaussian'
      ? 'The coordinator added it to the sum of the updates, which it saw.'
      : `The hospitals added it in shares before masking: enough as long as ${survivors} of them are in a sum and no more than ${colluding} of these give theirs away.`;
  return [
    [
      'Differential privacy',
      html`<strong>ε = ${significant(epsilon)} at δ = ${String(delta)}</strong> after ${countOf(noise.rounds, 'round')}: how far
the sequence of models can tell one hospital’s updates from empty ones. Below 1 is strong, above 10 says little. ${
        noise.epsilonBudget !== undefined && `The task allowed ε = ${significant(noise.epsilonBudget)}.`
      }`,
    ],
    [
      'Noise',
      html`Its deviation is ${significant(noiseMultiplier)} times the longest update (${significant(clipNorm)}${noise.isAdaptive && ', last'}). ${who}`,
    ],
    [
      'What is not covered',
      html`Noise is on the updates only. Exact are: ${notCovered.join('; ')}. A hospital that lies about its own data is not detected.`,
    ],
  ];
}
