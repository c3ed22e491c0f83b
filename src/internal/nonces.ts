/**
 * The random bytes of Pings, drawn for many at once: a draw costs as much for a thousand as for one, and a Ping that
 * goes along with a Pong cannot wait for its own.
 */

/** Bytes of a Ping. */
export const nonceBytes = 8

export class Nonces {
  #bytes: Uint8Array = new Uint8Array(0)

  /** How many are left. */
  get left(): number {
    return this.#bytes.length / nonceBytes
  }

  /** Takes a supply, whose length is a multiple of {@link nonceBytes}. */
  fill(bytes: Uint8Array): void {
    this.#bytes = bytes
  }

  /** The next one, never given out before; nothing if none is left. */
  take(): Uint8Array | undefined {
    if (this.#bytes.length === 0) return undefined
    const nonce = this.#bytes.subarray(0, nonceBytes)
    this.#bytes = this.#bytes.subarray(nonceBytes)
    return nonce
  }
}
