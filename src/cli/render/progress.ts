/**
 * A run's progress on a terminal: a few lines redrawn in place on a TTY, one plain line per fact elsewhere.
 * @module
 */
import { RunBoard, type RunEvent } from '../../coordinator/index.ts';
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
  readonly #board: RunBoard;
  readonly #training = new Map<string, string>();
  #drawn = 0;
  /** The cohort whose thresholds were shown last. */
  #shown = '';

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#board = new RunBoard(options.now);
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
    if (event.type === 'phase' && event.phase !== this.#board.phase) this.#training.clear();
    this.#board.see(event);
    switch (event.type) {
      case 'started':
        this.#print(
          event.mode === 'separate'
            ? `run ${event.run}: each pod's own result`
            : `run ${event.run}: ${event.rounds} ${event.rounds === 1 ? 'round' : 'rounds'}, ${event.mode} aggregation`,
        );
        break;
      case 'resumed':
        this.#print(
          `run ${event.run} goes on after round ${event.completed} of ${event.rounds}${event.within ? `, within its ${event.within} sum` : ''}`,
        );
        break;
      case 'paused':
        this.#print(`paused: ${event.reason}`);
        break;
      case 'problem':
        this.#print(`warning: ${event.reason}`);
        break;
      case 'continued':
        this.#print('goes on');
        break;
      case 'member':
        this.#print(`${event.pod}: ${event.state}${event.reason ? `, ${event.reason}` : ''}`);
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
        this.#print(
          `round ${event.round}/${this.#board.rounds}: ${event.survivors.length} pods, ${event.trainingRows} rows, training loss ${number(event.trainingLoss)}, validation loss ${number(event.validationLoss)}${spent(event.privacy)}, ${event.seconds.toFixed(2)} s${event.clipped > 0 ? `, ${event.clipped} values clipped` : ''}${event.shortened ? `, ${event.shortened} of ${event.survivors.length} updates shortened` : ''}`,
        );
        break;
      case 'phase':
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
    return this.#board.etaSeconds();
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
    const { completed, rounds, phase, awaiting, members } = this.#board;
    const eta = this.etaSeconds();
    const done = rounds === 0 ? 0 : completed / rounds;
    const bar = `${'█'.repeat(Math.round(24 * done))}${'░'.repeat(24 - Math.round(24 * done))}`;
    const waiting = awaiting.map((pod) => `${pod}${this.#training.has(pod) ? ` ${this.#training.get(pod)}` : ''}`);
    const lines = [
      `${bar} round ${Math.min(completed + 1, rounds)}/${rounds} · ${phase}${eta === null ? '' : ` · about ${Math.ceil(eta)} s left`}`,
      `pods ${members.active}/${members.all}${waiting.length > 0 ? ` · waiting for ${waiting.join(', ')}` : ''} · ${humanBytes(traffic())}`,
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
