import { describe, expect, it, onTestFinished } from 'vitest';
import { checkedSignatures, generateSigningKey, sign, verify } from './primitives.ts';
import { Recollection } from './recollection.ts';

describe('a recollection', () => {
  it('asks once while it is on, and every time while it is off', () => {
    const known = new Recollection<number>();
    let asked = 0;
    const of = (key: string): number =>
      known.of(
        () => key,
        () => ++asked,
      );
    expect([of('a'), of('a')]).toEqual([1, 2]);
    const [end, other] = [known.start(), known.start()];
    expect([of('a'), of('a'), of('b')]).toEqual([3, 3, 4]);
    end();
    end();
    expect(of('a')).toBe(3);
    other();
    expect([of('a'), of('a')]).toEqual([5, 6]);
  });

  it('does not remember what throws', () => {
    const known = new Recollection<number>();
    onTestFinished(known.start());
    const fail = (): number => {
      throw new Error('no');
    };
    expect(() => known.of(() => 'a', fail)).toThrow('no');
    expect(
      known.of(
        () => 'a',
        () => 1,
      ),
    ).toBe(1);
  });

  it('of signatures tells keys, messages and signatures apart', () => {
    onTestFinished(checkedSignatures.start());
    const [key, other] = [generateSigningKey(), generateSigningKey()];
    const [message, changed] = [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4)];
    const signature = sign(key, message);
    for (let i = 0; i < 2; i++) {
      expect(verify(key.publicKey, message, signature)).toBe(true);
      expect(verify(other.publicKey, message, signature)).toBe(false);
      expect(verify(key.publicKey, changed, signature)).toBe(false);
      expect(verify(key.publicKey, message, sign(other, message))).toBe(false);
    }
  });
});
