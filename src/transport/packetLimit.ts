/**
 * Guards an MQTT broker against oversized packets: reads only each packet's fixed header (MQTT 3.1.1 §2.2) and cuts the
 * connection before a packet larger than the limit is buffered. aedes itself takes up to MQTT's 256 MB.
 * @module
 */
import { Transform, type TransformCallback } from 'node:stream';

/** Passes MQTT bytes through until a packet announces more than `maxBytes`; then errors. */
export class PacketLimit extends Transform {
  readonly #maxBytes: number;
  /** Bytes of the present packet's body still to come; -1 while reading a fixed header. */
  #remaining = -1;
  #length = 0;
  #lengthBytes = -1;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const step = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= step;
        at += step;
        if (this.#remaining === 0) this.#remaining = -1;
        continue;
      }
      const byte = chunk[at++]!;
      if (this.#lengthBytes < 0) {
        // packet type; the remaining length follows, 7 bits a byte, least significant first
        this.#lengthBytes = 0;
        this.#length = 0;
        continue;
      }
      this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
      const malformed = this.#lengthBytes === 4 && (byte & 0x80) !== 0;
      if (malformed || this.#length > this.#maxBytes)
        return done(new Error(malformed ? 'malformed MQTT length' : `MQTT packet larger than ${this.#maxBytes} bytes`));
      if ((byte & 0x80) === 0) {
        this.#lengthBytes = -1;
        this.#remaining = this.#length === 0 ? -1 : this.#length;
      }
    }
    done(null, chunk);
  }
}
