import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { describe, expect, it } from 'vitest';
import { randomBytes } from './primitives.ts';
import { secretBox } from './secretBox.ts';

describe('secret box', () => {
  const [key, plain, aad] = [randomBytes(32), randomBytes(100), randomBytes(7)];

  it('is XChaCha20-Poly1305 as another implementation computes it', async () => {
    const box = (await secretBox(key)).seal(plain, aad);
    expect(xchacha20poly1305(key, box.slice(0, 24), aad).decrypt(box.slice(24))).toEqual(plain);
  });

  it('opens what it sealed, and nothing else: other key, other context, any flipped bit, any truncation', async () => {
    const box = await secretBox(key);
    const sealed = box.seal(plain, aad);
    expect(box.open(sealed, aad)).toEqual(plain);
    expect((await secretBox(randomBytes(32))).open(sealed, aad)).toBeNull();
    expect(box.open(sealed, randomBytes(7))).toBeNull();
    for (let i = 0; i < sealed.length; i++) {
      const altered = sealed.slice();
      altered[i]! ^= 1;
      expect(box.open(altered, aad)).toBeNull();
      expect(box.open(sealed.slice(0, i), aad)).toBeNull();
    }
  });

  it('never seals the same plaintext to the same bytes', async () => {
    const box = await secretBox(key);
    expect(box.seal(plain, aad)).not.toEqual(box.seal(plain, aad));
  });
});
