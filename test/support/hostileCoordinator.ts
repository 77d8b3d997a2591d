/**
 * A coordinator that speaks the wire protocol and does what a test tells it to, with the key of an approved modeller:
 * the strongest enemy a pod has.
 */
import { join } from 'node:path';
import { type Federation, hastyClock, type PodName } from '../../sim/federation.ts';
import {
  openSession,
  type SummedVector,
  shapeOf,
  unpackLanes,
  type VectorSpec,
  wireBytes,
} from '../../src/aggregation/index.ts';
import { isKonsilError } from '../../src/base/index.ts';
import { resolveTask } from '../../src/coordinator/initialModel.ts';
import { MaskPool } from '../../src/crypto/index.ts';
import { openDataset, problemOf } from '../../src/datasources/index.ts';
import { CoordinatorSum, MAX_ROWS_PER_POD, publicHash, type SumFacts, sumSpec } from '../../src/protocols/index.ts';
import { readPodConfig, toWire } from '../../src/tasks/index.ts';
import { Blobs, Channel } from '../../src/transport/index.ts';
import {
  type BlobRef,
  type Context,
  type Message,
  type MessageOf,
  type Purpose,
  presenceTopic,
} from '../../src/wire/index.ts';
import { until } from './world.ts';

interface Received {
  readonly from: PodName;
  readonly context: Context;
  readonly message: Message;
}

type Decision = MessageOf<'JOB_ACCEPT' | 'JOB_REJECT' | 'JOB_QUEUED'>;

/** What a secure sum is asked for with. */
export interface SumRequest {
  readonly run: string;
  readonly round: number;
  readonly purpose: Purpose;
  readonly cohort: readonly PodName[];
  readonly completed?: number;
  /** The parameters each pod is shown. */
  readonly parameters?: (pod: PodName) => BlobRef;
}

export class HostileCoordinator {
  readonly federation: Federation;
  readonly received: Received[] = [];
  readonly facts: SumFacts;
  /** The request an honest coordinator would send. */
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly secure = { clip: 8, maxWeight: MAX_ROWS_PER_POD, cohort: 4 };
  readonly #channel: Channel;
  readonly #blobs: Blobs;

  private constructor(
    federation: Federation,
    parts: { channel: Channel; blobs: Blobs; facts: SumFacts; request: MessageOf<'JOB_REQUEST'> },
  ) {
    this.federation = federation;
    this.#channel = parts.channel;
    this.#blobs = parts.blobs;
    this.facts = parts.facts;
    this.request = parts.request;
  }

  static async open(federation: Federation): Promise<HostileCoordinator> {
    const { identity, peers } = federation.world.modeller;
    const link = federation.broker.connect(presenceTopic(identity.public.id));
    const channel = await Channel.open({ link, identity, peers, clock: hastyClock });
    const blobs = new Blobs(channel);
    const config = await readPodConfig(join(import.meta.dirname, '../../examples/breast-cancer/hospital-a.yaml'));
    const source = await openDataset(config.datasources[0]!);
    source.close();
    const { split } = federation.task.dataStructure;
    const columns = [...source.schema.columns];
    if (split.splitter === 'predefined') columns.push({ name: split.column, dataType: 'text', semanticType: 'text' });
    const { task, model, features } = resolveTask(federation.task, { ...source.schema, columns }, 'hospital-a');
    const pods = peers.all().filter(({ role }) => role === 'pod');
    const request: MessageOf<'JOB_REQUEST'> = {
      ...{ type: 'JOB_REQUEST', dataset: 'breast-cancer', task: JSON.stringify(toWire(task)) },
      model: blobs.offer(
        model,
        pods.map((peer) => peer.public.id),
      ),
      roster: pods.map(({ name, line }) => ({ name, public: line })),
    };
    const { kind, classes } = problemOf(task.dataStructure);
    const parameters = features.length * 16 + 16 + 16 + 1;
    const facts = { features: features.length, parameters, kind, classes: classes.length };
    const coordinator = new HostileCoordinator(federation, { channel, blobs, facts, request });
    channel.onMessage((from, context, message) => {
      const { name } = peers.findById(from)!;
      coordinator.received.push({ from: name as PodName, context, message });
    });
    return coordinator;
  }

  send(pod: PodName, context: Context, message: Message): void {
    const { id } = this.federation.world[pod].identity.public;
    const send = (): Promise<void> => this.#channel.send(id, context, message);
    // a pod that was started again says so to the first message; the test looks at what comes back of the second
    send().catch((error: unknown) =>
      isKonsilError(error, 'PEER_RESTARTED') ? send().catch(() => undefined) : undefined,
    );
  }

  offer(bytes: Uint8Array): BlobRef {
    const everyone = this.federation.world.modeller.peers.all().map((peer) => peer.public.id);
    return this.#blobs.offer(bytes, everyone);
  }

  /** Parameters of the task's model, all `value`. */
  parameters(value = 0.01, length = this.facts.parameters): BlobRef {
    return this.offer(new Uint8Array(new Float32Array(length).fill(value).buffer));
  }

  /** Messages of one type from a pod, in order. */
  from<T extends Message['type']>(pod: PodName, type: T, run?: string): MessageOf<T>[] {
    return this.received
      .filter(({ from, context, message }) => from === pod && message.type === type && (!run || context.run === run))
      .map(({ message }) => message as MessageOf<T>);
  }

  /** Sends the request, changed by `edit`, and gives the pod's decision. */
  async ask(
    pod: PodName,
    run: string,
    edit: (request: MessageOf<'JOB_REQUEST'>) => MessageOf<'JOB_REQUEST'> = (request) => request,
  ): Promise<Decision> {
    const before = this.#decisions(pod, run).length;
    this.send(pod, { run, round: 0, phase: 'admission' }, edit(this.request));
    await until(() => this.#decisions(pod, run).length > before, `decision of ${pod}`);
    return this.#decisions(pod, run).at(-1)!;
  }

  /** Starts a round as an honest coordinator does, but for what `edit` changes. */
  start(
    pod: PodName,
    { run, round, purpose, completed = 0, parameters }: Omit<SumRequest, 'cohort'>,
    edit: (message: MessageOf<'ROUND_START'>) => Message = (message) => message,
  ): void {
    const message: MessageOf<'ROUND_START'> = {
      ...{ type: 'ROUND_START', purpose, completed, secure: this.secure },
      ...(parameters ? { parameters: parameters(pod) } : {}),
    };
    this.send(pod, { run, round, phase: purpose }, edit(message));
  }

  /** Opens an attempt at a pod. */
  openAttempt(pod: PodName, at: Omit<SumRequest, 'cohort'>, attempt: number, cohort: readonly string[]): void {
    const { run, round, purpose } = at;
    this.send(
      pod,
      { run, round, phase: purpose },
      { type: 'SECURE_OPEN', purpose, attempt, cohort: [...cohort], commitments: [] },
    );
  }

  /** A whole secure sum; null when the pods do not let it come to one. */
  async sum(request: SumRequest): Promise<SummedVector | null> {
    const { run, round, purpose, cohort, parameters } = request;
    const { world } = this.federation;
    const context: Context = { run, round, phase: purpose };
    const spec: VectorSpec = sumSpec(purpose, this.facts, this.secure);
    const isReady = (pod: PodName): boolean =>
      this.received.some(
        ({ from, context: at, message }) =>
          from === pod && at.run === run && at.round === round && message.type === 'TRAINING_COMPLETE',
      );
    for (const pod of cohort) this.start(pod, request);
    await until(() => cohort.every(isReady), 'work of all pods');
    const session = openSession({
      ...{ runId: run, round, attempt: 0, purpose, minimum: 3, shape: shapeOf(spec), wireBytes: wireBytes(spec) },
      roster: cohort.map((name) => ({ name, publicKey: world[name].identity.public.signing })),
      coordinator: world.modeller.identity.signing.publicKey,
      publicHash: publicHash({
        ...{ task: this.request.task, modelId: this.request.model!.id, standardiser: undefined, spec },
        parametersId: parameters?.(cohort[0]!).id ?? '',
      }),
    });
    for (const pod of cohort) this.openAttempt(pod, request, 0, cohort);
    const pool = new MaskPool({ threads: 1 });
    const sum = new CoordinatorSum(session, spec, world.modeller.identity.signing, {
      send: (to, body) => this.send(to as PodName, context, { type: 'SECURE_SHARE', purpose, attempt: 0, body }),
      fetch: (from, ref) =>
        this.#blobs.pull(world[from as PodName].identity.public.id, ref, context, { maxBytes: ref.bytes }),
      deadlineMs: () => 20_000,
      after: hastyClock.after,
      pool,
      onPhase: () => undefined,
      onPod: () => undefined,
    });
    const stop = this.#listen(({ from, context: at, message }) => {
      if (message.type === 'SECURE_SHARE' && at.run === run && at.round === round)
        sum.receive(from, message.body, message.vector);
    });
    const outcome = await sum.outcome;
    stop();
    await pool.close();
    return outcome.ok ? unpackLanes(outcome.lanes, spec, outcome.survivors.length) : null;
  }

  /** Pulls what a pod offers. */
  pull(pod: PodName, ref: BlobRef): Promise<Uint8Array> {
    const { id } = this.federation.world[pod].identity.public;
    return this.#blobs.pull(id, ref, { run: '', round: 0, phase: '' }, { maxBytes: ref.bytes });
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  #decisions(pod: PodName, run: string): Decision[] {
    const own = this.received.filter(({ from, context }) => from === pod && context.run === run);
    return own.flatMap(({ message }) =>
      message.type === 'JOB_ACCEPT' || message.type === 'JOB_REJECT' || message.type === 'JOB_QUEUED' ? [message] : [],
    );
  }

  /** Calls back with what comes from now on, and what came already. */
  #listen(listener: (received: Received) => void): () => void {
    let on = true;
    for (const entry of [...this.received]) listener(entry);
    this.#channel.onMessage(() => {
      if (on) listener(this.received.at(-1)!);
    });
    return () => {
      on = false;
    };
  }
}
