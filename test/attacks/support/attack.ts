/**
 * What an attack of the catalogue is: a scenario that really mounts it, and the defence it must fail against. The same
 * scenario runs against the code as it is and against the code without the defence, where it must succeed: an attack that
 * fails there too would prove nothing.
 * @module
 */
import type { ErrorCode } from '../../../src/base/index.ts';

/** The code an attack runs against. */
export type Code = typeof import('./surface.ts');

/** An edit of a source file that takes a defence away. */
export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  /** Exact source text; occurs once in the file, so that a defence that moves is noticed. */
  readonly text: string;
  readonly becomes: string;
}

/** What came of it. `code`: of the error that stopped it, null when the adversary merely has too little. */
export interface Outcome {
  readonly succeeded: boolean;
  readonly code: ErrorCode | null;
}

export interface Attack {
  readonly name: string;
  /** What it is one of: the name the issue, the paper or the table of attacks uses. */
  readonly family: string;
  /** Who the adversary is: coordinator, broker, pods, or several together. */
  readonly adversary: string;
  /** What stops it; more than one edit where one defence backs another. */
  readonly defence: readonly Edit[];
  /** Code of the refusal. */
  readonly code: ErrorCode | null;
  readonly mount: (code: Code) => Outcome | Promise<Outcome>;
}

/** An attack's outcome; an error that refuses it is one too. */
export async function mount(attack: Attack, code: Code): Promise<Outcome> {
  try {
    return await attack.mount(code);
  } catch (error) {
    const { name, code: refused } = error as Error & { code: ErrorCode };
    if (name !== 'KonsilError') throw error;
    return { succeeded: false, code: refused };
  }
}
