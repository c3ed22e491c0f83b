/** The two streams that a command writes to. */
import * as Effect from "effect/Effect"

export interface Out {
  readonly isTTY: boolean
  /** Width in cells; a stream that is no terminal has none to speak of. */
  readonly columns: () => number
  readonly write: (text: string) => void
  /** Bytes that were written and that the reader has not taken. */
  readonly waiting: () => number
  /** Calls back whenever the width has changed; returns how to stop that. */
  readonly onResize: (changed: () => void) => () => void
}

export interface Terminal {
  readonly stdout: Out
  readonly stderr: Out
  /** Whether escape codes may be used: not with NO_COLOR. */
  readonly ansi: boolean
  /** Whether the terminal cannot move its cursor: TERM=dumb. */
  readonly dumb: boolean
  /** Waits until stdout cannot be written to any more, and says why: `EPIPE` when its reader has gone. */
  readonly broken: Effect.Effect<string>
  /** Waits until the reader of stdout has taken all that was written; for ever, if that cannot be written. */
  readonly drained: Effect.Effect<void>
  /**
   * Runs `restore` when the process exits in the middle of all, dies of Ctrl-\ or is stopped by Ctrl-Z, and `again`
   * when it goes on after that; returns how to call that off.
   */
  readonly onLeave: (restore: () => void, again: () => void) => () => void
}

/** Whether more may be written: what a reader leaves standing may not fill the memory. */
export const hasRoom = (out: Out, mostBytes: number): boolean => out.waiting() <= mostBytes

/** The streams of this process. Errors of stderr are nobody's concern. */
export const ofProcess = (): Terminal => {
  let broken: string | undefined
  const waiters = new Set<(code: string) => void>()
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    broken ??= error.code ?? error.message
    for (const tell of waiters) tell(broken)
  })
  process.stderr.on("error", () => {})
  return {
    stdout: out(process.stdout),
    stderr: out(process.stderr),
    ansi: (process.env["NO_COLOR"] ?? "") === "",
    dumb: process.env["TERM"] === "dumb",
    broken: Effect.async((resume) => {
      const tell = (code: string) => resume(Effect.succeed(code))
      if (broken !== undefined) return tell(broken)
      waiters.add(tell)
      return Effect.sync(() => waiters.delete(tell))
    }),
    drained: Effect.async((resume) => {
      process.stdout.write("", (error) => {
        if (!error) resume(Effect.void)
      })
    }),
    onLeave: (restore, again) => {
      const leave = (signal: NodeJS.Signals) => {
        restore()
        // Nobody is left to handle it, so that the system does as it always does. A process that no shell could wake
        // is not stopped at all, which SIGSTOP would do.
        process.off(signal, leave)
        process.kill(process.pid, signal)
        process.on(signal, leave)
        again()
      }
      process.on("exit", restore).on("SIGTSTP", leave).on("SIGQUIT", leave)
      return () => process.off("exit", restore).off("SIGTSTP", leave).off("SIGQUIT", leave)
    }
  }
}

const out = (stream: NodeJS.WriteStream): Out => ({
  isTTY: stream.isTTY === true,
  columns: () => (stream.columns > 0 ? stream.columns : 80),
  write: (text) => {
    stream.write(text)
  },
  waiting: () => stream.writableLength,
  onResize: (changed) => {
    stream.on("resize", changed)
    return () => stream.off("resize", changed)
  }
})
