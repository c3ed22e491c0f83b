/** Runs of the simulator in processes of their own. */
import { buildSync } from "esbuild"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Chunk, Line } from "./chunk.js"

export interface Children {
  /** Runs the seeds of a chunk in a new process. */
  readonly run: (chunk: Chunk) => Promise<ReadonlyArray<Line>>
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
  return {
    run: (chunk) =>
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
          resolve(output.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)))
        })
      }),
    close: () => rmSync(folder, { recursive: true, force: true })
  }
}
