/**
 * Updates in the open that come after their round: kept for the next sum, where they count for less, instead of being lost.
 * A pod that is late is not asked for anything else meanwhile, since a new round start would end its work.
 *
 * In memory only: a coordinator that starts again has lost what it was waiting for.
 * @source Xie et al., "Asynchronous Federated Optimization" (2019), section 5.2, polynomial staleness function (t − τ + 1)^−a;
 *   Nguyen et al., "Federated Learning with Buffered Asynchronous Aggregation" (AISTATS 2022), which adds stale changes, not
 *   stale parameters, to the present model.
 * @module
 */
import type { PodInput } from '../aggregation/index.ts';
import { messageOf } from '../base/index.ts';
import type { LateInput } from '../protocols/index.ts';
import type { StalenessSettings } from '../tasks/index.ts';
import type { BlobRef, Context } from '../wire/index.ts';
import type { RunEvent } from './events.ts';
import type { Member, Members } from './members.ts';

export interface LateUpdatesOptions {
  readonly settings: StalenessSettings;
  readonly members: Pick<Members, 'listen'>;
  /** Fetches and checks one update. */
  readonly fetch: (member: Member, ref: BlobRef, context: Context) => Promise<PodInput>;
  readonly emit: (event: RunEvent) => void;
}

/** Work of a round that is over. */
interface Awaited {
  readonly context: Context;
  readonly completed: number;
}

/** One run's late updates. */
export class LateUpdates {
  readonly #options: LateUpdatesOptions;
  readonly #awaited = new Map<string, Awaited>();
  readonly #come: { readonly pod: string; readonly completed: number; readonly input: PodInput }[] = [];

  constructor(options: LateUpdatesOptions) {
    this.#options = options;
    options.members.listen({
      onMessage: (member, { round }, message) => {
        const awaited = this.#awaited.get(member.name);
        if (message.type === 'TRAINING_UPDATE' && message.purpose === 'update' && awaited?.context.round === round)
          void this.#fetch(member, message.input, awaited);
      },
      onLost: ({ name }) => this.#awaited.delete(name),
    });
  }

  /** `member` has not answered in the round after `completed` others, and may still. */
  expect(member: Member, context: Context, completed: number): void {
    this.#awaited.set(member.name, { context, completed });
  }

  /**
   * Those of `cohort` that can take part in the update after `completed` rounds. Work that would be too old by then is not
   * waited for any longer, and none is when fewer than `minimum` pods would be free.
   */
  free(cohort: readonly Member[], completed: number, minimum: number): readonly Member[] {
    for (const [pod, awaited] of this.#awaited)
      if (completed - awaited.completed > this.#options.settings.maxRounds) this.#awaited.delete(pod);
    const free = cohort.filter(({ name }) => !this.#awaited.has(name));
    if (free.length >= minimum) return free;
    this.forget();
    return cohort;
  }

  /** Waits for nobody any longer. */
  forget(): void {
    this.#awaited.clear();
  }

  /** What has come and is not too old for the sum after `completed` rounds; each is given once. */
  take(completed: number): readonly LateInput[] {
    const { maxRounds, exponent } = this.#options.settings;
    return this.#come
      .splice(0)
      .map(({ pod, input, completed: from }) => ({ pod, input, rounds: completed - from }))
      .filter(({ rounds }) => rounds <= maxRounds)
      .map((late) => ({ ...late, discount: (1 + late.rounds) ** -exponent }));
  }

  async #fetch(member: Member, ref: BlobRef, awaited: Awaited): Promise<void> {
    const { fetch, emit } = this.#options;
    const { name: pod } = member;
    try {
      const input = await fetch(member, ref, awaited.context);
      // given up meanwhile: a round start may have reached the pod, and it will answer that one
      if (this.#awaited.get(pod) !== awaited) return;
      this.#come.push({ pod, completed: awaited.completed, input });
      emit({ type: 'late', pod, completed: awaited.completed });
    } catch (error) {
      if (this.#awaited.get(pod) === awaited)
        emit({ type: 'dropped', pod, phase: 'late update', reason: messageOf(error) });
    }
    if (this.#awaited.get(pod) === awaited) this.#awaited.delete(pod);
  }
}
