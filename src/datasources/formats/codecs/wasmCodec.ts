/**
 * Decoders compiled to WebAssembly: loaded at first use, used again, thrown away after a failure.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { CodecError } from './codecError.ts';

/** Size and kind of what a decoder decoded. */
export interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

/** A decoder object of the codecs, whose buffers lie in its module's memory. */
export interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): FrameInfo;
  decode(): void;
  /** JPEG-LS only: 0 none, 1 line, 2 sample. */
  getInterleaveMode?(): number;
  delete(): void;
}

interface WasmModule {
  readonly HEAPU8: Uint8Array;
  readonly [name: string]: unknown;
}

type Factory = (options: object) => Promise<WasmModule>;

export interface WasmCodecSpec {
  readonly package: string;
  /** Exports of the package: the loader and the binary. */
  readonly loader: string;
  readonly binary: string;
  /** Name of the decoder's class. */
  readonly decoder: string;
}

interface LoadedCodec {
  readonly module: WasmModule;
  readonly Decoder: new () => WasmDecoder;
}

/** Memory of a module never shrinks: one that has grown beyond this is let go. */
const MAX_KEPT_BYTES = 128 << 20;

/** As much of WebAssembly's interface as is used here; Node's type declarations leave it out. */
interface WebAssemblyApi {
  compile(code: Uint8Array): Promise<object>;
  instantiate(compiled: object, imports: object): Promise<object>;
}

const engine = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
const require = createRequire(import.meta.url);

export class WasmCodec {
  readonly #spec: WasmCodecSpec;
  #compiled: Promise<object> | undefined;
  #loading: Promise<LoadedCodec> | undefined;

  constructor(spec: WasmCodecSpec) {
    this.#spec = spec;
  }

  /**
   * Decodes `bytes` and hands the decoder to `take`, which copies what it needs: the next frame uses the same memory.
   * @throws CodecError when the decoder refuses the bytes or fails in any other way.
   */
  async decode<Result>(
    bytes: Uint8Array,
    take: (decoder: WasmDecoder, decoded: Uint8Array) => Result,
  ): Promise<Result> {
    const { module, Decoder } = await this.#loaded();
    // from here nothing waits, so that frames never mix
    let result: Result;
    try {
      // a new object each time: after a silent failure an old one would still hold the frame before
      const decoder = new Decoder();
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      result = take(decoder, decoder.getDecodedBuffer());
      decoder.delete();
    } catch (error) {
      // an abort or an exception leaves the module's memory in an unknown state
      this.#loading = undefined;
      if (error instanceof CodecError) throw error;
      throw new CodecError('is no whole compressed image');
    }
    if (module.HEAPU8.length > MAX_KEPT_BYTES) this.#loading = undefined;
    return result;
  }

  /** The module in use, loaded when there is none. */
  async #loaded(): Promise<LoadedCodec> {
    for (;;) {
      const loading = (this.#loading ??= this.#load());
      const loaded = await loading.catch((error: unknown) => {
        if (this.#loading === loading) this.#loading = undefined;
        throw error;
      });
      // another frame that waited too may have broken the module meanwhile
      if (this.#loading === loading) return loaded;
    }
  }

  async #load(): Promise<LoadedCodec> {
    const spec = this.#spec;
    this.#compiled ??= readFile(require.resolve(`${spec.package}/${spec.binary}`)).then((code) =>
      engine.compile(new Uint8Array(code)),
    );
    const compiled = await this.#compiled;
    const factory = require(`${spec.package}/${spec.loader}`) as Factory;
    const module = await new Promise<WasmModule>((resolve, reject) => {
      void factory({
        // compiled once, however often a broken image makes a new instance necessary
        instantiateWasm: (imports: object, done: (instance: object) => void) => {
          engine.instantiate(compiled, imports).then(done, reject);
          return {};
        },
        // the codecs print to standard output, which belongs to the program
        print: () => {},
        printErr: () => {},
      }).then(resolve, reject);
    });
    return { module, Decoder: module[spec.decoder] as new () => WasmDecoder };
  }
}
