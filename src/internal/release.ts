/**
 * Giving memory back by hand.
 */

/** Bytes from which on it pays: what is shorter often shares its memory with others. */
const longBytes = 16_384

/**
 * Frees the memory of what is long and nobody uses any more, at once: the next text of that length then lies in memory
 * that the processor still has at hand, and the collector, which else runs for each 32 MiB, has nothing to do. It shows
 * as empty afterwards. What does not fill its memory is left alone, for that may be somebody else's.
 */
export const release = (pieces: ReadonlyArray<Uint8Array>): void => {
  for (const { buffer, byteLength } of pieces) {
    if (byteLength >= longBytes && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) {
      free(buffer)
    }
  }
}

/** The way of ECMAScript 2024, which Node has from version 22 on. */
const transfers = (
  buffer: ArrayBuffer
): buffer is ArrayBuffer & { readonly transfer: (length: number) => unknown } => "transfer" in buffer

const free = (buffer: ArrayBuffer): void => {
  if (transfers(buffer)) buffer.transfer(0)
  // What is sent to nobody is dropped together with what it brings along.
  else nowhere().postMessage(undefined, [buffer])
}

/** A port that leads nowhere. */
const nowhere = (): Port => {
  if (port === undefined) {
    port = new MessageChannel().port1
    port.close()
  }
  return port
}

type Port = InstanceType<typeof MessageChannel>["port1"]

let port: Port | undefined
