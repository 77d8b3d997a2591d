/** Keeps `konsil` programs running, as a service manager does, while a test kills them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Konsil } from '../support/processes.ts';

/** Between the end of a program and its next start. */
const RESTART_MS = 300;

/** One program, started again whenever it ends before its time. */
export class Supervised {
  readonly name: string;
  /** Everything that its processes said, in order. */
  readonly lives: Konsil[] = [];
  kills = 0;
  readonly #start: () => Konsil;
  readonly #isDone: (code: number) => boolean;
  #isOver = false;
  #hasEnded = false;
  readonly done: Promise<void>;

  /** @param isDone - Whether an exit with this code ends it for good. */
  constructor(name: string, start: () => Konsil, isDone: (code: number) => boolean = () => false) {
    this.name = name;
    this.#start = start;
    this.#isDone = isDone;
    this.done = this.#keepRunning().finally(() => {
      this.#hasEnded = true;
    });
  }

  get present(): Konsil | undefined {
    return this.lives.at(-1);
  }

  /** Whether it has ended for good. */
  get isDone(): boolean {
    return this.#hasEnded;
  }

  /** As a power cut. */
  kill(): void {
    this.kills++;
    this.present?.child.kill('SIGKILL');
  }

  /** Resolves when a life that has begun after `earlier` others says one of `types`, or the program has ended for good. */
  async isBack(earlier: number, types: readonly string[]): Promise<void> {
    const isUp = (): boolean =>
      this.lives.slice(earlier).some(({ values }) => values.some(({ type }) => types.includes(String(type))));
    while (!isUp() && !this.isDone) await sleep(100);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.present?.child.kill('SIGKILL');
    await this.done;
  }

  async #keepRunning(): Promise<void> {
    while (!this.#isOver) {
      const life = this.#start();
      this.lives.push(life);
      const code = await life.exit;
      if (this.#isDone(code)) return;
      await sleep(RESTART_MS);
    }
  }
}
