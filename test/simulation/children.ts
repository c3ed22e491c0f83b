/** Runs of the simulator in processes of their own. */
import { buildSync } from "esbuild"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Chunk, Line } from "./chunk.js"

export interface Children {
  /** Runs the seeds of a chunk in a new process. */
  readonly run: (chunk: Chunk) => Promise<ReadonlyArray<Line>>
  /** The same, in as many processes at a time as there are processors, each for at most so many seeds. */
  readonly share: (chunk: Chunk, size?: number) => Promise<ReadonlyArray<Line>>
  readonly close: () => void
}

/** Bundles the simulator for processes to come. */
export const children = (): Children => {
  const folder = mkdtempSync(join(tmpdir(), "vix-simulation-"))
  const program = join(folder, "chunk.cjs")
  buildSync({
    entryPoints: [fileURLToPath(new URL("chunk.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    outfile: program,
    logLevel: "error"
  })

  const run = (chunk: Chunk): Promise<ReadonlyArray<Line>> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, JSON.stringify(chunk)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      let output = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
      child.once("error", reject)
      child.once("close", (code) => {
        const lines = output.split("\n").slice(0, -1)
        if (code === 0 && lines.length === chunk.count) resolve(lines.map((line): Line => JSON.parse(line)))
        else reject(new Error(`seed ${chunk.first + lines.length} ended with exit code ${code}`))
      })
    })

  return {
    run,
    share: async ({ count, first, ...scene }, size = Math.ceil(count / availableParallelism())) => {
      const lines: Array<Line> = []
      let at = 0
      const worker = async (): Promise<void> => {
        while (at < count) {
          const part = { first: first + at, count: Math.min(size, count - at), ...scene }
          at += part.count
          lines.push(...await run(part))
        }
      }
      await Promise.all(Array.from({ length: availableParallelism() }, worker))
      return lines
    },
    close: () => rmSync(folder, { recursive: true, force: true })
  }
}

/** What did not pass, with the faults of its world. */
export const failures = (lines: ReadonlyArray<Line>): ReadonlyArray<string> =>
  lines.filter(({ verdict }) => verdict !== "passed").map(({ faults, seed, violation }) =>
    [
      `seed ${seed}: ${violation?.law}: ${violation?.text} at ${(violation?.atMicros ?? 0) / 1_000} ms`,
      ...faults
    ].join("\n")
  )
