/**
 * Which comparisons may stop at the first difference: only those of public values. A list, because a measurement of time
 * would be right on some machines only; whoever adds a comparison must say here that both sides are public.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { equalSecret } from '../../src/crypto/index.ts';
import { edited } from './support/mutant.ts';

const SOURCE = join(import.meta.dirname, '../../src');
const sources = ['crypto', 'aggregation/secure'].flatMap((folder) =>
  readdirSync(join(SOURCE, folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ file: `${folder}/${file}`, text: readFileSync(join(SOURCE, folder, file), 'utf8') })),
);

/** First arguments of every call of `name`, by file. */
function callsOf(name: string, files = sources): Record<string, string[]> {
  const call = new RegExp(`\\b${name}\\(((?:[^()]|\\([^()]*\\))*?), `, 'g');
  const found = files.map(({ file, text }) => [file, [...text.matchAll(call)].map(([, first]) => first!)] as const);
  return Object.fromEntries(found.filter(([, calls]) => calls.length > 0));
}

describe('comparisons', () => {
  it('that may stop early are of public values only', () => {
    expect(callsOf('equalBytes')).toEqual({
      // a public key computed from its secret, and the one in the file
      'crypto/identity.ts': ['curve.getPublicKey(pair.secret)'],
      // hashes of public parameters, of lists of pods
      'aggregation/secure/checks.ts': ['publicHash', 'claimed'],
      // public keys, signed messages, hashes of messages
      'aggregation/secure/client.ts': [
        'session.roster[self]!.publicKey',
        'answered.request',
        'own.bytes',
        'own.manifestHash',
      ],
      // a revealed nonce
      'aggregation/secure/graph.ts': ['commitNonce(nonce)'],
      // context hashes
      'aggregation/secure/messages.ts': ['bytes.subarray(4, HEADER_BYTES)'],
      // public keys, signed messages
      'aggregation/secure/server.ts': ['identity.publicKey', 'taken'],
    });
  });

  it('of shares and secrets with their commitments take the same time wherever they differ', () => {
    expect(callsOf('equalSecret')).toMatchObject({
      'aggregation/secure/sharing.ts': [
        "commitShare(session, 'self', dealer, to, pair.self)",
        "commitShare(session, 'key', dealer, to, pair.key)",
      ],
      'aggregation/secure/unmask.ts': [
        'commitShare(session, kind, of, returner, share)',
        'commitSelfSeed(session, dealer, secret)',
        'agreementKeyOf(secret).publicKey',
      ],
    });
    expect(readFileSync(join(SOURCE, 'crypto/primitives.ts'), 'utf8')).toContain(
      'a.length === b.length && timingSafeEqual(a, b)',
    );
    expect([new Uint8Array(32), new Uint8Array(32).fill(1)].map((b) => equalSecret(new Uint8Array(32), b))).toEqual([
      true,
      false,
    ]);
  });

  it('are noticed when one of them stops early', () => {
    const secret = Object.entries(callsOf('equalSecret')).flatMap(([file, calls]) => calls.map((call) => [file, call]));
    expect(secret.length).toBeGreaterThanOrEqual(5);
    for (const [file, call] of secret) {
      const text = edited(file!, [{ file: file!, text: `equalSecret(${call},`, becomes: `equalBytes(${call},` }]);
      const changed = sources.map((source) => (source.file === file ? { file, text } : source));
      expect(callsOf('equalBytes', changed)).not.toEqual(callsOf('equalBytes'));
    }
  });

  it('by ===, indexOf, compare or text are not used on bytes', () => {
    for (const { file, text } of sources)
      for (const bad of ['Buffer.compare', '.equals(', "toString('latin1') ===", '.localeCompare(', 'toHex(secret'])
        expect(text.includes(bad), `${file}: ${bad}`).toBe(false);
  });

  it('and branches never follow a secret in field arithmetic: no tables, no early exits', () => {
    const shamir = sources.find(({ file }) => file === 'crypto/shamir.ts')!.text;
    // the only loops that test bits run over public scalars: powers of evaluation points and Lagrange coefficients
    expect([...shamir.matchAll(/if \(bits & 1\) (\w+)/g)].map(([, what]) => what)).toEqual(['sum', 'product']);
    expect(shamir).not.toMatch(/\bbreak\b|\[(source|secret|share)\b/);
  });
});
