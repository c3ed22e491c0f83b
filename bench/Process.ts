/** A process that takes part in a measurement. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"

export interface Process extends AsyncDisposable {
  readonly pid: number
  /** Done when it has said something, or has ended. */
  readonly firstWords: Promise<unknown>
  /** The next line that it prints. */
  readonly line: () => Promise<string>
  readonly say: (line: string) => void
}

/** It is gone when it is disposed of, and in any case after the deadline; what goes wrong in it is an error here. */
export const start = (
  [file = "", ...args]: ReadonlyArray<string>,
  { deadlineMillis = 60_000, leaves = false }: {
    readonly deadlineMillis?: number
    readonly leaves?: boolean
  } = {}
): Process => {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })
  const { pid, stdin, stdout } = child
  if (pid === undefined) throw new Error(`cannot run ${file} ${args.join(" ")}`)
  stdin.on("error", () => {})
  const kill = setTimeout(() => child.kill("SIGKILL"), deadlineMillis)
  const exited = once(child, "exit").finally(() => clearTimeout(kill))
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return {
    pid,
    firstWords: Promise.race([once(stdout, "data"), exited]),
    line: async () => {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`${file} ${args.join(" ")} ended without a word`)
      return value
    },
    say: (line) => void stdin.write(`${line}\n`),
    [Symbol.asyncDispose]: async () => {
      stdin.end()
      const patience = setTimeout(() => child.kill("SIGKILL"), 2_000)
      if (child.exitCode === null && !leaves) child.kill()
      await exited
      clearTimeout(patience)
    }
  }
}
