/** How a run ends: what the last events say, what people are told, and the exit code. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { textOf } from "../domain/Reason.js"
import { TransportError } from "../services/Transport.js"
import type { Invocation } from "./parse.js"
import { ReadyFileError } from "./readyFile.js"
import type { Terminal } from "./terminal.js"
import * as Unwritable from "./unwritable.js"

export interface Ending {
  /** In the `stopping` event. */
  readonly cause: string
  readonly exitCode: number
  /** What went wrong. */
  readonly error?: string
}

/** The end that a run came to, foreseen or not. */
export const ofExit = (
  exit: Exit.Exit<Ending, TransportError | ReadyFileError>,
  invocation: Invocation
): Ending => {
  if (Exit.isSuccess(exit)) return exit.value
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure instanceof TransportError) {
    return cannotListen(failure, invocation.node)
  }
  if (failure instanceof ReadyFileError) {
    return { cause: "cannot write the ready file", exitCode: 1, error: failure.message }
  }
  return defect(exit.cause)
}

/** A bug of ours. */
export const defect = (cause: Cause.Cause<unknown>): Ending => ({
  cause: "defect",
  exitCode: 70,
  error: `a defect in this program; please report it\n${Cause.pretty(cause, { renderErrorCause: true })}`
})

/** A signal asked for the end. */
export const signal = (name: string): Ending => ({ cause: name, exitCode: 0 })

/** Nobody reads stdout any more, or it cannot be written to. */
export const unwritable = (code: string): Ending => {
  const error = Unwritable.unwritable(code)
  return error === undefined
    ? { cause: "stdout was closed", exitCode: 0 }
    : { cause: "stdout failed", exitCode: 1, error }
}

/**
 * Waits for the reader of stdout after the last words, for so long at most; after a signal only until it is known
 * whether they could be written. Returns the exit code: that of the run, or another if all was well but for them.
 */
export const settle = (
  exitCode: number,
  { signalled, terminal }: { readonly signalled: Effect.Effect<string>; readonly terminal: Terminal },
  fail: (text: string, atMillis: number) => void,
  patience = readerPatience
): Effect.Effect<number> =>
  Effect.gen(function*() {
    const broken = yield* Effect.as(terminal.drained, undefined).pipe(
      Effect.raceFirst(Effect.map(terminal.broken, unwritable)),
      Effect.raceFirst(Effect.sleep(patience)),
      Effect.raceFirst(Effect.zipRight(signalled, Effect.sleep(lastWrite)))
    )
    if (exitCode > 0 || broken?.error === undefined) return exitCode
    fail(broken.error, yield* Clock.currentTimeMillis)
    return broken.exitCode
  })

// As long as a busy host may take to start the program that reads, and no longer than people wait.
const readerPatience = Duration.seconds(10)

// What a disk refuses is known at once.
const lastWrite = Duration.millis(100)

/** The time of `--run` is over. */
export const runOver: Ending = { cause: "the time of --run is over", exitCode: 0 }

/** The peers of `--wait-peers` are there. */
export const peersThere: Ending = { cause: "the peers of --wait-peers are connected", exitCode: 0 }

/** They did not come in time. */
export const peersMissing = (wanted: number, connected: number, millis: number): Ending => ({
  cause: "the peers of --wait-peers did not come",
  exitCode: 5,
  error: `--wait-peers ${wanted}: ${connected} connected after ${millis / 1_000} s`
})

/** The address to listen on could not be had. */
export const cannotListen = (error: TransportError, wanted: Wanted): Ending => ({
  cause: "cannot listen",
  exitCode: 3,
  error: why(error, wanted)
})

interface Wanted {
  readonly host: Option.Option<string>
  readonly port: number
}

const why = (error: TransportError, { host, port }: Wanted): string => {
  const address = Option.match(host, {
    onNone: () => `port ${port}`,
    onSome: (name) => `${name}, port ${port}`
  })
  switch (error.reason) {
    case "PortInUse":
      return `port ${port} is in use: try another, or \`lsof -i :${port}\``
    case "PermissionDenied":
      return `cannot listen on ${address}: this user may not; try a port from 1024 on`
    case "AddressNotAvailable":
      return `cannot listen on ${address}: this host does not have that address; leave --bind out or give another`
    default:
      return `cannot listen on ${address}: ${textOf(error.reason)}`
  }
}
