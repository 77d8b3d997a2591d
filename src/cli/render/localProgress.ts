/**
 * A local run's progress on a terminal: a line for each round, and on a TTY one that is redrawn while it trains.
 * @module
 */
import type { LocalEvent } from '../../coordinator/index.ts';

/** Where the lines go. */
export interface LocalProgressOptions {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly now: () => number;
  /** What a round trains, such as `1 epoch`. */
  readonly perRound: string;
}

/** Draws a local run's events. */
export class LocalProgressView {
  readonly #options: LocalProgressOptions;
  #rounds = 0;
  #started = 0;
  #isDrawn = false;

  constructor(options: LocalProgressOptions) {
    this.#options = options;
  }

  show(event: LocalEvent): void {
    switch (event.type) {
      case 'started': {
        const { engine, device, fallbacks } = event.trains;
        this.#rounds = event.rounds;
        this.#started = this.#options.now();
        for (const skipped of fallbacks) this.#print(`not on ${skipped.device}: ${skipped.reason}`);
        this.#print(
          `run ${event.run}: ${event.rounds} rounds of ${this.#options.perRound} on ${event.rows} rows, by ${engine === 'tfjs' ? 'TensorFlow.js' : 'onnxruntime'} on ${device}`,
        );
        return;
      }
      case 'warning':
        return this.#print(`warning: ${event.text}`);
      case 'progress': {
        if (!this.#options.stream.isTTY) return;
        const part = event.done / Math.max(1, event.total);
        this.#clear();
        this.#options.stream.write(
          `round ${event.round}/${this.#rounds}: ${Math.round(100 * part)} %, loss ${shown(event.loss)}${this.#eta(event.round - 1 + part)}\r`,
        );
        this.#isDrawn = true;
        return;
      }
      case 'round':
        return this.#print(
          `round ${event.round}/${this.#rounds}: training loss ${shown(event.trainingLoss)}, validation loss ${shown(event.validationLoss)}, ${event.seconds.toFixed(2)} s${this.#eta(event.round)}`,
        );
      case 'finished':
        return this.#print(event.status === 'complete' ? 'training complete' : `training ended: ${event.reason}`);
    }
  }

  /** Time left at the present pace, after `done` rounds. */
  #eta(done: number): string {
    if (done <= 0 || done >= this.#rounds) return '';
    const left = ((this.#options.now() - this.#started) / 1_000 / done) * (this.#rounds - done);
    return `, about ${left < 120 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left`;
  }

  #print(text: string): void {
    this.#clear();
    this.#options.stream.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#isDrawn) this.#options.stream.write('\u001b[2K');
    this.#isDrawn = false;
  }
}

const shown = (value: number | null): string => (value === null ? 'none' : value.toFixed(4));
