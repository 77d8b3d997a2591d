/**
 * Sums of lanes in a scratch memory that stays in cache: a stretch is loaded, any number of others are added to it or
 * subtracted, and it is stored. In WebAssembly where the engine has 128-bit SIMD, else in plain loops.
 * @module
 */
import type { LaneBits } from '../lanes.ts';
import { LANE_CODE } from './laneCode.ts';

/** Most bytes a kernel takes at once: both halves of its scratch fit a second-level cache beside a cipher's output. */
export const STRETCH_BYTES = 32_768;

/** One thread's scratch. Stretches are at most {@link STRETCH_BYTES} long, a multiple of 16, at any alignment. */
export interface LaneKernel {
  readonly name: 'wasm' | 'loop';
  /** Takes a copy of `stretch` to work on. */
  load(stretch: Uint8Array): void;
  /** loaded ± source, lane by lane modulo 2^bits; `source` has the loaded stretch's length. */
  combine(source: Uint8Array, bits: LaneBits, sign: 1 | -1): void;
  /** Copies the result into `stretch`, of the loaded one's length. */
  store(stretch: Uint8Array): void;
  /** Zeroes the scratch, which holds the last stretch and the last mask. */
  wipe(): void;
}

/** What a kernel's scratch is made of. */
interface Scratch {
  readonly name: LaneKernel['name'];
  /** {@link STRETCH_BYTES} each, aligned to 4. */
  readonly target: Uint8Array;
  readonly source: Uint8Array;
  /** target ± source over the first `bytes` bytes; may spoil what lies behind them. */
  readonly combine: (bytes: number, bits: LaneBits, sign: 1 | -1) => void;
}

function kernelOn({ name, target, source, combine }: Scratch): LaneKernel {
  // a view of the whole is shared: making views costs as much as copying a few KiB
  const head = (half: Uint8Array, length: number): Uint8Array =>
    length === STRETCH_BYTES ? half : half.subarray(0, length);
  return {
    name,
    load: (stretch) => target.set(stretch),
    combine: (bytes, bits, sign) => {
      source.set(bytes);
      combine(bytes.length, bits, sign);
    },
    store: (stretch) => stretch.set(head(target, stretch.length)),
    wipe: () => {
      target.fill(0);
      source.fill(0);
    },
  };
}

/** Typed arrays wrap modulo their width. */
function loopKernel(): LaneKernel {
  const memory = new ArrayBuffer(2 * STRETCH_BYTES);
  const [target, source] = [new Uint8Array(memory, 0, STRETCH_BYTES), new Uint8Array(memory, STRETCH_BYTES)];
  const halves = { 8: [target, source], 16: halvesOf(Uint16Array), 32: halvesOf(Uint32Array) } as const;
  const combine = (bytes: number, bits: LaneBits, sign: 1 | -1): void => {
    const [into, from] = halves[bits];
    const lanes = (bytes * 8) / bits;
    if (sign === 1) for (let i = 0; i < lanes; i++) into[i] = into[i]! + from[i]!;
    else for (let i = 0; i < lanes; i++) into[i] = into[i]! - from[i]!;
  };
  return kernelOn({ name: 'loop', target, source, combine });

  function halvesOf<T>(type: { new (buffer: ArrayBuffer, at: number, length: number): T; BYTES_PER_ELEMENT: number }) {
    const lanes = STRETCH_BYTES / type.BYTES_PER_ELEMENT;
    return [new type(memory, 0, lanes), new type(memory, STRETCH_BYTES, lanes)] as const;
  }
}

type Combine = (target: number, source: number, bytes: number) => void;
type LaneExports = Readonly<Record<`${'add' | 'sub'}${LaneBits}`, Combine>> & {
  readonly memory: { readonly buffer: ArrayBuffer };
};

/** As much of WebAssembly's interface as is used here; Node's type declarations leave it out. */
export interface WebAssemblyApi {
  validate(code: Uint8Array): boolean;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
}

function wasmKernel({ Module, Instance }: WebAssemblyApi, code: Uint8Array): LaneKernel {
  const lanes = new Instance(new Module(code)).exports as LaneExports;
  const { buffer } = lanes.memory;
  const add = { 8: lanes.add8, 16: lanes.add16, 32: lanes.add32 } as const;
  const subtract = { 8: lanes.sub8, 16: lanes.sub16, 32: lanes.sub32 } as const;
  return kernelOn({
    name: 'wasm',
    target: new Uint8Array(buffer, 0, STRETCH_BYTES),
    source: new Uint8Array(buffer, STRETCH_BYTES, STRETCH_BYTES),
    combine: (bytes, bits, sign) => (sign === 1 ? add : subtract)[bits](0, STRETCH_BYTES, bytes),
  });
}

const ofEngine = (globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly ?? null;

/**
 * A kernel with a scratch of its own.
 * @param api the engine's WebAssembly; null (as under `--jitless`), or one without SIMD, leaves the work to plain loops.
 */
export function openLaneKernel(api: WebAssemblyApi | null = ofEngine): LaneKernel {
  const code = new Uint8Array(Buffer.from(LANE_CODE, 'base64'));
  return api?.validate(code) ? wasmKernel(api, code) : loopKernel();
}
