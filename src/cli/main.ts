/** The entry of the command: signals first, quick answers next, and everything else only when it is needed. */
import { answer } from "./help.js"
import { unwritable } from "./unwritable.js"

declare const VIX_VERSION: string

const stop = new AbortController()
for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCode)
    stop.abort(signal)
  })
}
process.on("uncaughtException", (error) => {
  process.stderr.write(`vix: a defect in this program; please report it\n${error.stack ?? String(error)}\n`)
  process.exit(70)
})

const main = async (argv: ReadonlyArray<string>): Promise<void> => {
  const quick = answer(argv, VIX_VERSION)
  if (quick !== undefined) {
    print(quick.text, quick.stream)
    process.exitCode = quick.exitCode
    return
  }
  const [command, ...rest] = argv
  if (command === "schema") {
    const { schema } = rest.length === 0 ? await import("./program.js") : await import("./registry.js")
    return print(schema())
  }
  const exitCode = command === "registry"
    ? await (await import("./registry.js")).registry(rest, stop.signal)
    : command === "simulate"
    ? await (await import("./simulate.js")).simulate(rest, stop.signal)
    : await (await import("./program.js")).p2p(rest, stop.signal)
  process.exitCode = exitCode
  // What cannot be cancelled, such as a look-up of a name, holds the process for half a second at most, and so does
  // a reader that was waited for long enough.
  setTimeout(() => process.exit(exitCode), 500).unref()
}

/** Prints an answer. Errors of stderr are nobody's concern. */
const print = (text: string, stream: "stdout" | "stderr" = "stdout"): void => {
  process[stream].on("error", ({ code, message }: NodeJS.ErrnoException) => {
    const error = stream === "stdout" ? unwritable(code ?? message) : undefined
    if (error === undefined) return
    process.exitCode = 1
    process.stderr.on("error", () => {}).write(`vix: ${error}\n`)
  }).write(text)
}

void main(process.argv.slice(2))
