/** The built program as a process, for tests. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll } from "vitest"

export const program = fileURLToPath(new URL("../../dist/bin/vix.cjs", import.meta.url))
const processes = new Set<ChildProcess>()

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The built program at work. A node hears of no other by itself, unless the line says so: others run beside it. */
export const vix = (line = "") => {
  const words = line.split(" ").filter((word) => word !== "")
  const alone = words[0] === "p2p" && words.includes("--listen") && !words.includes("--discovery")
  return run(process.execPath, [program, ...words, ...(alone ? ["--discovery", "off"] : [])])
}

/** Any command at work. */
export const run = (command: string, argv: ReadonlyArray<string>, stdin: "ignore" | "pipe" = "ignore") => {
  const child = spawn(command, argv, { stdio: ["pipe", "pipe", "pipe"] })
  if (stdin === "ignore") child.stdin.end()
  processes.add(child)
  const text = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk
      child.emit("text")
    })
  }
  const outcome = new Promise<Outcome>((resolve) => {
    child.on("close", (code, signal) => {
      processes.delete(child)
      resolve({ code, signal, ...text })
    })
  })
  /** Waits until something is on a stream. */
  const says = async (pattern: RegExp, name: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(text[name])
      if (match !== null) return match
      const more = await Promise.race([
        new Promise((resolve) => child.once("text", () => resolve(true))),
        outcome.then(() => false)
      ])
      if (!more && !pattern.test(text[name])) {
        throw new Error(`${pattern} never came; stdout: ${text.stdout} stderr: ${text.stderr}`)
      }
    }
  }
  return { child, outcome, says }
}

/** A node on a free port, once it listens. */
export const listening = async (line: string) => {
  const node = vix(`p2p --listen 0 --bind 127.0.0.1 --events ndjson ${line}`)
  const [, port = ""] = await node.says(/"ev":"listening",.*?"port":(\d+)/)
  return { ...node, port, endpoint: `127.0.0.1:${port}` }
}

export const events = (stdout: string): ReadonlyArray<Record<string, unknown>> =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

/** What every file that runs the program asks for: that it is built, and that none of its processes stays behind. */
export const tidy = (): void => {
  beforeAll(() => assert.isTrue(existsSync(program), "build first: npm run build"))
  afterAll(() => {
    for (const child of processes) child.kill("SIGKILL")
  })
}
