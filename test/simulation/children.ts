/** Runs of the simulator in processes of their own. */
import { buildSync } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
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
  /** Ends what still runs. */
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

  const living = new Set<ChildProcess>()
  const end = () => {
    for (const child of living) child.kill()
  }

  const run = (chunk: Chunk): Promise<ReadonlyArray<Line>> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, JSON.stringify(chunk)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      living.add(child)
      let output = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
      child.once("error", reject)
      child.once("close", (code) => {
        living.delete(child)
        const lines = output.split("\n").slice(0, -1)
        if (code === 0 && lines.length === chunk.count) resolve(lines.map((line): Line => JSON.parse(line)))
        else {
          const seed = chunk.first + lines.length
          reject(new Error(`seed ${seed} ended with exit code ${code}; ${again(seed, chunk.scale)}`))
        }
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
      try {
        await Promise.all(Array.from({ length: availableParallelism() }, worker))
      } finally {
        // Of those that are left when one has failed.
        end()
      }
      return lines
    },
    close: () => {
      end()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** The command that runs a seed again, from the folder of the repository. */
const again = (seed: number, scale: Chunk["scale"]): string => {
  const bundle = "npx esbuild test/simulation/chunk.ts --bundle --platform=node"
  return `again: ${bundle} | node - '${JSON.stringify({ first: seed, count: 1, scale })}'`
}

/** What did not pass, with the command that runs it again and the faults of its world. */
export const failures = (lines: ReadonlyArray<Line>): ReadonlyArray<string> =>
  lines.filter(({ verdict }) => verdict !== "passed").map(({ faults, scale, seed, violation }) =>
    [
      `seed ${seed}: ${violation?.law}: ${violation?.text} at ${(violation?.atMicros ?? 0) / 1_000} ms`,
      again(seed, scale),
      ...faults
    ].join("\n")
  )
