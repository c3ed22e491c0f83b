/** Runs of the simulator in processes of their own. */
import { buildSync } from "esbuild"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Chunk, Line } from "./chunk.js"
import type { Scale } from "./scenarios.js"

export interface Children {
  /** Runs the seeds of a chunk in a new process. */
  readonly run: (chunk: Chunk) => Promise<ReadonlyArray<Line>>
  /** Runs all of them, as many at a time as there are processors. */
  readonly runAll: (chunks: ReadonlyArray<Chunk>) => Promise<ReadonlyArray<Line>>
  readonly close: () => void
}

/** Seeds that follow each other, in chunks of at most so many. */
export const chunks = (from: number, count: number, size: number, scale: Scale): ReadonlyArray<Chunk> =>
  Array.from({ length: Math.ceil(count / size) }, (_, at) => ({
    first: from + at * size,
    count: Math.min(size, count - at * size),
    scale
  }))

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
        if (code !== 0) return reject(new Error(`seeds ${chunk.first} and on ended with exit code ${code}`))
        const lines: ReadonlyArray<Line> = output.split("\n").filter((line) => line !== "").map((line) =>
          JSON.parse(line)
        )
        if (lines.length === chunk.count) resolve(lines)
        else reject(new Error(`of ${chunk.count} seeds from ${chunk.first} on, ${lines.length} were told of`))
      })
    })

  return {
    run,
    runAll: async (all) => {
      const left = [...all]
      const lines: Array<Line> = []
      const worker = async (): Promise<void> => {
        for (let chunk = left.shift(); chunk !== undefined; chunk = left.shift()) {
          lines.push(...await run(chunk))
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
