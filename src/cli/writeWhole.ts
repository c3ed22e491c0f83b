import { randomBytes } from "node:crypto"
import { renameSync, rmSync, writeFileSync } from "node:fs"

/** Writes a file in one step, so that nobody reads half of it; nothing stays of an attempt that fails. */
export const writeWhole = (file: string, content: string | Uint8Array): void => {
  // Not by the number of the process: in containers, two that share a folder may have the same.
  const unfinished = `${file}.${randomBytes(4).toString("hex")}.tmp`
  try {
    writeFileSync(unfinished, content, { flag: "wx" })
    renameSync(unfinished, file)
  } finally {
    rmSync(unfinished, { force: true })
  }
}
