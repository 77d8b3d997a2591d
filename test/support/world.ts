/** Identities that have pinned each other, and waiting for something to become true, for tests of everything above. */
export { acquainted } from '../../sim/acquainted.ts';

/** Resolves when `check` is true; rejects with `what` after `timeoutMs`. Polls the event loop, asserts no time. */
export async function until(check: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
