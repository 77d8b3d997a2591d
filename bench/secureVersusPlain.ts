/**
 * The whole demo task, plain and secure at several widths and with a part of the parameters only, on the same data:
 * difference of the final parameters, and bytes a round a pod against the float32 model.
 * `npx tsx bench/secureVersusPlain.ts [hidden layers of the model, as "512, 256"]`
 */
import { availableParallelism } from 'node:os';
import { Federation, type FederationOptions } from '../sim/federation.ts';

const allowPlain: NonNullable<FederationOptions['pod']> = (_name, config) => ({
  ...config,
  policy: { ...config.policy, requireSecureAggregation: false },
});

async function run(aggregator: string) {
  const federation = await Federation.open({
    task: (yaml) => yaml.replace('secure: true', aggregator).replace('[16]', `[${process.argv[2] ?? 16}]`),
    pod: allowPlain,
  });
  const outcome = await federation.run();
  if (outcome.status !== 'complete') throw new Error(outcome.reason);
  const sent = outcome.members.map((member) => outcome.trafficOf(member).receivedBytes);
  await federation.close();
  return { outcome, sentPerRound: sent.reduce((a, b) => a + b, 0) / sent.length / outcome.rounds.length };
}

/** About half of what the demo starts with; 0 rounds when it is never reached. */
const HALF_LOSS = 0.35;

type Run = Awaited<ReturnType<typeof run>>;

/** Lines of the aggregator, by name. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  '32 bits': [],
  '24 bits, per_tensor': ['bits: 24'],
  '16 bits, per_tensor': ['bits: 16'],
  '16 bits, rotated': ['bits: 16', 'rotation: true'],
  '16 bits, rotated, stochastic': ['bits: 16', 'rotation: true', 'rounding: stochastic'],
  '16 bits, sparse 0.5': ['bits: 16', 'sparse: 0.5'],
  '16 bits, sparse 0.25': ['bits: 16', 'sparse: 0.25'],
  '16 bits, sparse 0.1': ['bits: 16', 'sparse: 0.1'],
  '8 bits, rotated, stochastic': ['bits: 8', 'rotation: true', 'rounding: stochastic'],
};

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

function report(name: string, { outcome, sentPerRound }: Run, plain: Run): object {
  const other = plain.outcome.parameters!;
  const differences = Array.from(outcome.parameters!, (value, i) => Math.abs(value - other[i]!));
  const { vectorBytes } = outcome.rounds[0]!;
  return {
    name,
    rounds: outcome.rounds.length,
    parameters: differences.length,
    largestDifference: differences.reduce((most, difference) => Math.max(most, difference), 0),
    relativeDifference: norm(differences) / norm(other),
    boundPerRound: outcome.secure?.bound,
    largestClip: outcome.secure?.clip,
    clipped: outcome.rounds.reduce((n, { clipped }) => n + clipped, 0),
    auc: outcome.pooled?.['ROC AUC']?.value,
    validationLoss: outcome.rounds.at(-1)!.validationLoss,
    roundsToLoss: outcome.rounds.findIndex(({ validationLoss }) => validationLoss! < HALF_LOSS) + 1,
    vectorBytes,
    sentPerPodPerRoundBytes: Math.round(sentPerRound),
    secondsRatioToPlain: outcome.seconds / plain.outcome.seconds,
  };
}

const plain = await run('secure: false');
const print = (line: object): unknown => process.stdout.write(`${JSON.stringify(line)}\n`);
print({ cores: availableParallelism(), float32Bytes: 4 * plain.outcome.parameters!.length });
print(report('plain', plain, plain));
for (const [name, lines] of Object.entries(WAYS))
  print(report(name, await run(['secure: true', ...lines.map((line) => `    ${line}`)].join('\n')), plain));
process.exit(0);
