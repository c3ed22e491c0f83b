import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Connection, TransportError } from "../../src/services/Transport.js"

/** The next chunk; none once the other end writes no more. */
export const read = (connection: Connection): Effect.Effect<Option.Option<Uint8Array>, TransportError> =>
  connection.receive({ take: (chunk) => Uint8Array.from(chunk) })

/** Sends chunks and waits while too much is under way. */
export const write = (
  connection: Connection,
  chunks: ReadonlyArray<Uint8Array>
): Effect.Effect<void, TransportError> =>
  Effect.suspend(() => {
    connection.write(chunks)
    return connection.drained
  })

/** Drops the connection. */
export const abort = (connection: Connection): Effect.Effect<void> => Effect.sync(() => connection.abort())
