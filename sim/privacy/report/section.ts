/**
 * The report's section on privacy: who had what, what it achieved, and what would have been noticed.
 * @module
 */
import { type Content, countOf, html, listOf, significant, size, whole } from '../../../src/reports/index.ts';
import { isControl, shownEstimate, shownP, WHO } from '../checks.ts';
import { ATTACKS, type AttackName, type AttackResult, type PrivacyTestResult } from '../result.ts';
import { attackChart } from './chart.ts';

const QUESTION: Readonly<Record<AttackName, { readonly title: string; readonly text: string }>> = {
  distinguishing: {
    title: 'Which of two data sets?',
    text: 'Two pods hold two data sets that differ in one row. The attacker knows both data sets, the model and the training, sees a round, and says which pod holds which. The sum is the same either way.',
  },
  inversion: {
    title: 'What was the row?',
    text: 'A pod makes one step with one row. In a plain step the row stands in the gradient of the first layer; the same division is done on what is seen of a masked one.',
  },
  membership: {
    title: 'Was this row trained on?',
    text: 'The attacker has a row and asks whether the pod’s update points along that row’s own descent.',
  },
};

/** The section's content. */
export function renderPrivacy(result: PrivacyTestResult): Content {
  const { attacks, games, training, inversions, pods, threshold, rows, parameters, variant, seed, falseAlarm } = result;
  return html`<p>${countOf(games, 'secure sum')} of ${whole(pods)} pods with ${countOf(rows, 'row')} each${inversions > 0 && `, and ${whole(inversions)} of single steps`}, with the model of “${variant}” (${countOf(parameters, 'parameter')}), by the very code of pods and coordinator. ${whole(training)} of the games train the attacker, the others count. Seed ${seed} decides rows, models and coins; masks are drawn anew by the system each time, so the numbers of masked views differ from run to run.</p>
<p>Intervals are of 95 %. A masked view fails its check only when chance is outside an interval that misses the truth once in ${whole(Math.round(1 / falseAlarm))} times; <em>would have shown</em> is the smallest true value which that check finds with a probability of 95 %. A view that passes is not proof that nothing leaks: it excludes leaks of that size, to these attacks.</p>
${ATTACKS.map((attack) => {
  const own = attacks.filter((one) => one.attack === attack);
  return own.length > 0 && renderAttack(attack, own);
})}
<h3>Who had what</h3>
<dl>${[...new Map(attacks.map(({ sight, had }) => [sight, had])).keys()].map((sight) => html`<dt>${WHO[sight]}</dt><dd>${attacks.find((one) => one.sight === sight)!.had}</dd>`)}</dl>
${renderUniformity(result)}
${renderTraffic(result)}
<h3>What masks do not protect</h3>
<p>The sum itself, and all that follows from it: who knows the updates of all other pods knows this one’s (the row “${WHO.sum}” above), and a model can give away rows it was trained on. Differential privacy bounds that; secure aggregation does not. Neither do masks protect when ${threshold} or more pods (here: all others) work with the coordinator: they hold enough shares to rebuild the mask key (the row “${WHO.everybody}”). When a pod is online, how long it trains and how many rows it has (to the coordinator: in sum) are not hidden from the broker either; a simulation’s clock does not measure them.</p>`;
}

function renderAttack(attack: AttackName, results: readonly AttackResult[]): Content {
  const { title, text } = QUESTION[attack];
  return html`<h3>${title}</h3>
<p>${text}</p>
<figure>${attackChart(`privacy-${attack}`, title, results)}<figcaption>Filled: masked views, which must be at chance. Open: views without that protection, on which the same attack must succeed, or it would say nothing.</figcaption></figure>
<div class="scroll"><table><thead><tr><th scope="col">Attacker sees</th><th scope="col">${results[0]!.measure}, 95 % interval</th><th scope="col" class="number">Chance</th><th scope="col" class="number">Would have shown</th><th scope="col" class="number">Masks left</th><th scope="col">Found</th></tr></thead>
<tbody>${results.map(
    ({ sight, estimate, chance, detectable, masks, note }) =>
      html`<tr><th scope="row">${WHO[sight]}</th><td>${shownEstimate(estimate)}</td><td class="number">${significant(chance)}</td><td class="number">${isControl(sight) ? '–' : significant(detectable, 2)}</td><td class="number">${sight === 'broker' ? 'sealed' : whole(masks)}</td><td class="muted">${note}</td></tr>\n`,
  )}</tbody></table></div>`;
}

function renderUniformity({ uniformity }: PrivacyTestResult): Content {
  if (uniformity.length === 0) return null;
  return html`<h3>Do masked bytes look like random ones?</h3>
<div class="scroll"><table><caption>p: how often uniform bytes deviate at least so much. The last columns: the deviation that would have been found with a probability of 95 %.</caption>
<thead><tr><th scope="col">Bytes</th><th scope="col">Test</th><th scope="col" class="number">n</th><th scope="col" class="number">Statistic</th><th scope="col" class="number">p</th><th scope="col" class="number">Would have shown</th><th scope="col">in</th></tr></thead>
<tbody>${uniformity.map(({ what, vectors, tests }) =>
    tests.map(
      ({ test, n, statistic, p, detectable, deviation }, i) =>
        html`<tr>${i === 0 && html`<th scope="row" rowspan="${tests.length}">${what}<span class="hint">${countOf(vectors, 'vector')}</span></th>`}<td>${test}</td><td class="number">${whole(n)}</td><td class="number">${significant(statistic, 3)}</td><td class="number">${shownP(p)}</td><td class="number">${significant(detectable, 2)}</td><td class="muted">${deviation}</td></tr>\n`,
    ),
  )}</tbody></table></div>`;
}

function renderTraffic({ traffic }: PrivacyTestResult): Content {
  if (!traffic) return null;
  const { messages, bytes, apart, sizes } = traffic;
  return html`<h3>What the broker counts</h3>
<p>${countOf(messages, 'message')}, ${size(bytes)} in the whole run. ${
    apart.length === 0
      ? `In secure sums all pods’ messages have the same sizes (${listOf(sizes.map((one) => whole(one)))} bytes before sealing): they tell nothing about a pod’s data.`
      : `In secure sums the messages of ${listOf(apart)} have other sizes or numbers than those of the others, as after a lost message or a left round.`
  }</p>`;
}
