/**
 * Answers to questions about public values that were asked before, for a process that plays many parties: in a simulation
 * of a thousand pods each checks the same thousand signatures. Off unless somebody asks for it; a real party never does.
 * @module
 */
import { createHash } from 'node:crypto';

/** Answers of one kind kept; above twice as many the older half goes. */
const MOST_ANSWERS = 100_000;

/** Answers of one kind. */
export class Recollection<T> {
  #isOn = 0;
  #recent = new Map<string, T>();
  #older = new Map<string, T>();

  /** Remembers from now on. @returns what ends it; when all that asked for it have ended it, everything is forgotten. */
  start(): () => void {
    this.#isOn++;
    let isMine = true;
    return () => {
      if (!isMine) return;
      isMine = false;
      if (--this.#isOn > 0) return;
      this.#recent = new Map();
      this.#older = new Map();
    };
  }

  /** The answer to `question`; asked for with `ask` when it is not known. What throws is not remembered. */
  of(question: () => string, ask: () => T): T {
    if (this.#isOn === 0) return ask();
    const key = question();
    const known = this.#recent.get(key) ?? this.#older.get(key);
    const answer = known ?? ask();
    if (this.#recent.size >= MOST_ANSWERS) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, answer);
    return answer;
  }
}

/** Injective name of some byte strings, all but the last of fixed length. */
export function digestOf(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
