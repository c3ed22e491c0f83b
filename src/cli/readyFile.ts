/** The file that tells others that the node listens, and where. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { renameSync, rmSync, writeFileSync } from "node:fs"
import { printable } from "./text.js"

/** The file could not be written. */
export class ReadyFileError extends Data.TaggedError("ReadyFileError")<{
  readonly file: string
  readonly cause: unknown
}> {
  override get message(): string {
    const code = this.cause instanceof Error && "code" in this.cause ? String(this.cause.code) : "unknown"
    return `--ready-file "${printable(this.file)}": cannot be written: ${causes[code] ?? code}`
  }
}

const causes: Readonly<Record<string, string>> = {
  EACCES: "its folder may not be written to",
  EISDIR: "a folder has that name",
  ENOENT: "its folder does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  EROFS: "the file system is read-only"
}

/** Writes the file in one step, so that nobody reads half of it, and removes it when the scope closes. */
export const readyFile = (
  file: string,
  content: { readonly port: number; readonly peerId: string }
): Effect.Effect<void, ReadyFileError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const unfinished = `${file}.${process.pid}.tmp`
        try {
          writeFileSync(unfinished, `${JSON.stringify(content)}\n`)
          renameSync(unfinished, file)
        } finally {
          rmSync(unfinished, { force: true })
        }
      },
      catch: (cause) => new ReadyFileError({ file, cause })
    }),
    () => Effect.ignore(Effect.try(() => rmSync(file, { force: true })))
  )
