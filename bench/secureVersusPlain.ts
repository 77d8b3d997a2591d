/**
 * The whole demo task, secure and plain, on the same data: largest difference of the final parameters, and bytes a round
 * a pod against the float32 model. `npx tsx bench/secureVersusPlain.ts`
 */
import { availableParallelism } from 'node:os';
import { Federation, type FederationOptions } from '../sim/federation.ts';

const allowPlain: NonNullable<FederationOptions['pod']> = (_name, config) => ({
  ...config,
  policy: { ...config.policy, requireSecureAggregation: false },
});

async function run(secure: boolean) {
  const federation = await Federation.open({
    task: (yaml) => (secure ? yaml : yaml.replace('secure: true', 'secure: false')),
    pod: allowPlain,
  });
  const outcome = await federation.run();
  if (outcome.status !== 'complete') throw new Error(outcome.reason);
  const sent = outcome.members.map((member) => outcome.trafficOf(member).receivedBytes);
  await federation.close();
  return { outcome, sentPerRound: sent.reduce((a, b) => a + b, 0) / sent.length / outcome.rounds.length };
}

const [secure, plain] = [await run(true), await run(false)];
const differences = Array.from(secure.outcome.parameters!, (value, i) =>
  Math.abs(value - plain.outcome.parameters![i]!),
);
const auc = ({ outcome }: typeof secure) => outcome.pooled?.['ROC AUC']?.value;
process.stdout.write(
  `${JSON.stringify({
    cores: availableParallelism(),
    rounds: secure.outcome.rounds.length,
    parameters: differences.length,
    largestDifference: Math.max(...differences),
    boundPerRound: secure.outcome.secure!.bound,
    clipped: secure.outcome.rounds.reduce((n, { clipped }) => n + clipped, 0),
    auc: { secure: auc(secure), plain: auc(plain) },
    float32Bytes: 4 * differences.length,
    vectorBytes: { secure: secure.outcome.rounds[0]!.vectorBytes, plain: plain.outcome.rounds[0]!.vectorBytes },
    sentPerPodPerRoundBytes: { secure: Math.round(secure.sentPerRound), plain: Math.round(plain.sentPerRound) },
    secondsRatioSecureToPlain: secure.outcome.seconds / plain.outcome.seconds,
  })}\n`,
);
process.exit(0);
