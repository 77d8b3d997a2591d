/**
 * What the operating system's random source really gave, for tests that look for it elsewhere or at its quality.
 * @module
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';

type RandomModule = { randomBytes: (length: number) => Buffer };
const crypto = createRequire(import.meta.url)('node:crypto') as RandomModule;

/** Copies of all that was drawn with `randomBytes` of node:crypto while `work` ran, by whatever module. */
export async function drawnDuring(work: () => unknown): Promise<Uint8Array[]> {
  const drawn: Uint8Array[] = [];
  const { randomBytes } = crypto;
  crypto.randomBytes = (length) => {
    const bytes = randomBytes(length);
    drawn.push(new Uint8Array(bytes));
    return bytes;
  };
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    crypto.randomBytes = randomBytes;
    syncBuiltinESMExports();
  }
  return drawn;
}

/** Texts in which 8 bytes in a row of a secret would show, wherever a longer excerpt begins; without white space. */
function formsOf(secret: Uint8Array): string[] {
  const part = Buffer.from(secret.subarray(8, 16));
  const forms = [part.toString('hex'), part.join(','), part.toString('latin1')];
  // base64 of every alignment, without the characters that depend on neighbours
  for (const shift of [9, 10, 11]) {
    const text = Buffer.from(secret.subarray(shift, shift + 9)).toString('base64');
    forms.push(text.slice(0, 11), text.slice(0, 11).replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

/** Whether any of the secrets, 20 bytes or longer, shows in a text. */
export function showsSecret(text: string, secrets: readonly Uint8Array[]): boolean {
  const bare = text.replace(/\s+/g, '');
  return secrets.some((secret) => formsOf(secret).some((form) => bare.includes(form)));
}
