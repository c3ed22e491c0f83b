/**
 * Who speaks, if it is not this protocol.
 *
 * @since 0.1.0
 */
import type { Reason } from "../domain/Reason.js"

const kinds: ReadonlyArray<readonly [RegExp, Reason]> = [
  [/^[\x80-\xff]{0,9}[\0-\x7f]VP2P\x01\0/, "LegacyPeer"],
  [/^(?:HTTP\/|(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PRI|PUT|TRACE) )/, "Http"],
  // An alert or a handshake.
  [/^[\x15\x16]\x03/, "Tls"],
  [/^SSH-/, "Ssh"]
]

/** As many bytes as are looked at. */
const longest = 24

/**
 * What somebody speaks whose first bytes are not those of a handshake; nothing if it is not known.
 *
 * @since 0.1.0
 */
export const kindOf = (bytes: Uint8Array): Reason | undefined => {
  const text = String.fromCharCode(...bytes.subarray(0, longest))
  return kinds.find(([pattern]) => pattern.test(text))?.[1]
}
