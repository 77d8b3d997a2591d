/**
 * A run's progress on a terminal: a few lines redrawn in place on a TTY, one plain line per fact elsewhere.
 * @module
 */
import type { RunEvent } from '../../coordinator/index.ts';
import { humanBytes } from '../output.ts';

/** Where the renderer draws, and what it cannot know itself. */
export interface ProgressOptions {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  /** Bytes sent and received so far, all pods. */
  readonly traffic: () => number;
  readonly now: () => number;
}

/** Draws run events. */
export class ProgressView {
  readonly #options: ProgressOptions;
  readonly #members = new Map<string, string>();
  readonly #training = new Map<string, string>();
  #rounds = 0;
  #completed = 0;
  /** Rounds that were done before this process took the run up. */
  #before = 0;
  #startedRounds: number | null = null;
  #phase = 'starting';
  #awaiting: readonly string[] = [];
  #loss = '';
  #drawn = 0;
  /** The cohort whose thresholds were shown last. */
  #shown = '';

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  #thresholds(event: Extract<RunEvent, { type: 'thresholds' }>): void {
    const { pods, neighbours, threshold, minimum, colluding } = event;
    const cohort = JSON.stringify(event);
    if (cohort === this.#shown) return;
    this.#shown = cohort;
    const graph = neighbours === pods - 1 ? 'with all others' : `with ${neighbours} others at random`;
    this.#print(
      `secure sums of ${minimum === pods ? '' : `${minimum} to `}${pods} pods: each shares its secrets ${graph}, ${threshold} rebuild one, ${colluding} may collude with the coordinator`,
    );
  }

  /** Takes one event and redraws. */
  show(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.#rounds = event.rounds;
        this.#print(`run ${event.run}: ${event.rounds} rounds, ${event.mode} aggregation`);
        break;
      case 'resumed':
        this.#rounds = event.rounds;
        this.#completed = event.completed;
        this.#before = event.completed;
        this.#print(
          `run ${event.run} goes on after round ${event.completed} of ${event.rounds}${event.within ? `, within its ${event.within} sum` : ''}`,
        );
        break;
      case 'paused':
        this.#print(`paused: ${event.reason}`);
        break;
      case 'continued':
        this.#print('goes on');
        break;
      case 'member':
        this.#members.set(event.pod, event.state);
        this.#print(`${event.pod}: ${event.state}${event.reason ? `, ${event.reason}` : ''}`);
        break;
      case 'phase':
        if (event.phase !== this.#phase) this.#training.clear();
        this.#phase = event.phase;
        this.#awaiting = event.awaiting;
        if (event.purpose === 'update' || event.purpose === 'range') this.#startedRounds ??= this.#options.now();
        break;
      case 'progress':
        this.#training.set(event.pod, `${Math.round((100 * event.done) / Math.max(1, event.total))} %`);
        break;
      case 'dropped':
        this.#print(`${event.pod} dropped out in ${event.phase}: ${event.reason}`);
        break;
      case 'late':
        this.#print(`${event.pod} has sent its update of round ${event.completed + 1}, which counts in the next sum`);
        break;
      case 'retry':
        this.#print(`${event.purpose} ${event.spent ? 'lost' : 'repeated'}: ${event.reason}`);
        break;
      case 'round':
        this.#completed = event.round;
        this.#loss = `training loss ${number(event.trainingLoss)}, validation loss ${number(event.validationLoss)}`;
        this.#print(
          `round ${event.round}/${this.#rounds}: ${event.survivors.length} pods, ${event.trainingRows} rows, ${this.#loss}${spent(event.privacy)}, ${event.seconds.toFixed(2)} s${event.clipped > 0 ? `, ${event.clipped} values clipped` : ''}${event.shortened ? `, ${event.shortened} of ${event.survivors.length} updates shortened` : ''}`,
        );
        break;
      case 'scale':
      case 'blocks':
        break; // every round has its own: in events.jsonl
      case 'thresholds':
        this.#thresholds(event);
        break;
      case 'finished':
        this.#clear();
        this.#print(event.status === 'complete' ? 'run complete' : `run aborted: ${event.reason}`);
        return;
    }
    this.#redraw();
  }

  /** Seconds until the last round is done at the present pace, or null before the first one is. */
  etaSeconds(): number | null {
    const done = this.#completed - this.#before;
    if (done === 0 || this.#startedRounds === null) return null;
    const perRound = (this.#options.now() - this.#startedRounds) / 1_000 / done;
    return perRound * Math.max(0, this.#rounds - this.#completed);
  }

  /** A lasting line; on a TTY above the board. */
  #print(text: string): void {
    this.#clear();
    this.#options.stream.write(`${text}\n`);
  }

  #redraw(): void {
    const { stream, traffic } = this.#options;
    if (!stream.isTTY) return;
    this.#clear();
    const width = Math.max(40, stream.columns ?? 80) - 1;
    const active = [...this.#members].filter(([, state]) => state === 'active' || state === 'finished').length;
    const eta = this.etaSeconds();
    const done = this.#rounds === 0 ? 0 : this.#completed / this.#rounds;
    const bar = `${'█'.repeat(Math.round(24 * done))}${'░'.repeat(24 - Math.round(24 * done))}`;
    const waiting = this.#awaiting.map(
      (pod) => `${pod}${this.#training.has(pod) ? ` ${this.#training.get(pod)}` : ''}`,
    );
    const lines = [
      `${bar} round ${Math.min(this.#completed + 1, this.#rounds)}/${this.#rounds} · ${this.#phase}${eta === null ? '' : ` · about ${Math.ceil(eta)} s left`}`,
      `pods ${active}/${this.#members.size}${waiting.length > 0 ? ` · waiting for ${waiting.join(', ')}` : ''} · ${humanBytes(traffic())}`,
    ];
    stream.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''));
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#drawn === 0) return;
    this.#options.stream.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }
}

/** ε so far, where noise was added. */
const spent = (privacy: { readonly epsilon: number } | undefined): string =>
  privacy ? `, ε ${privacy.epsilon.toFixed(2)}` : '';
const number = (value: number | null): string => (value === null ? 'none' : value.toFixed(4));
