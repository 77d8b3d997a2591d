import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketLimit } from './packetLimit.ts';

const MAX = 300;

/** An MQTT packet: type byte, remaining length in base 128, body. */
function packet(bodyBytes: number): Buffer {
  const length: number[] = [];
  let rest = bodyBytes;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)]);
}

/** Feeds chunks; what came out and the error, if any. */
async function pass(chunks: readonly Buffer[]): Promise<{ out: Buffer; error: Error | null }> {
  const limit = new PacketLimit(MAX);
  const out: Buffer[] = [];
  let error: Error | null = null;
  limit.on('data', (bytes: Buffer) => out.push(bytes));
  const over = new Promise<void>((resolve) => {
    limit.on('error', (cause) => {
      error = cause;
      resolve();
    });
    limit.on('end', resolve);
  });
  for (const chunk of chunks) limit.write(chunk);
  limit.end();
  await over;
  return { out: Buffer.concat(out), error };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((at) => at % (bytes.length + 1))), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end)).filter((chunk) => chunk.length > 0);
}

const sizes = fc.array(fc.oneof(fc.nat({ max: MAX }), fc.constantFrom(0, 127, 128, MAX)), { maxLength: 6 });
const cuts = fc.array(fc.nat({ max: 2_000 }), { maxLength: 40 });

describe('packet limit', () => {
  it('passes packets within the limit unchanged, however they are chunked', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, cuts, async (bodies, at) => {
        const bytes = Buffer.concat(bodies.map(packet));
        const { out, error } = await pass(cut(bytes, at));
        expect(error).toBeNull();
        expect(Buffer.compare(out, bytes)).toBe(0);
      }),
    );
  });

  it('cuts at the first packet that announces more, before its body, however it is chunked', async () => {
    const tooLarge = fc.oneof(fc.integer({ min: MAX + 1, max: 20_000 }), fc.constantFrom(MAX + 1, 16_383, 16_384));
    await fc.assert(
      fc.asyncProperty(sizes, tooLarge, cuts, async (bodies, size, at) => {
        const good = Buffer.concat(bodies.map(packet));
        const bad = packet(size);
        const { out, error } = await pass(cut(Buffer.concat([good, bad]), at));
        expect(error).toMatchObject({ message: `MQTT packet larger than ${MAX} bytes` });
        // of the bad packet at most a part of its header has passed
        expect(out.length).toBeLessThan(good.length + 5);
      }),
    );
  });

  it('announced sizes alone count: nothing of the body has to arrive', async () => {
    expect((await pass([Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])])).error).not.toBeNull();
    expect((await pass([Buffer.from([0x30, 0xac, 0x02])])).error).toBeNull(); // 300
    expect((await pass([Buffer.from([0x30, 0xad, 0x02])])).error).not.toBeNull(); // 301
  });

  it('cuts a length of more than four bytes', async () => {
    const { error } = await pass([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])]);
    expect(error).toMatchObject({ message: 'malformed MQTT length' });
  });
});
