/** The file that tells others that the node listens, and where. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { lstatSync, readFileSync, rmSync } from "node:fs"
import { fileCause } from "./fileCause.js"
import { quoted } from "./prepare.js"
import { writeWhole } from "./writeWhole.js"

/** The file could not be written. */
export class ReadyFileError extends Data.TaggedError("ReadyFileError")<{
  readonly file: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `--ready-file ${quoted(this.file)}: cannot be written: ${fileCause(this.cause)}`
  }
}

/** Takes away what a node that was killed has left under that name, and nothing else. */
export const vacate = (file: string): Effect.Effect<void, ReadyFileError> =>
  attempt(file, () => {
    const found = lstatSync(file, { throwIfNoEntry: false })
    if (found === undefined) return
    if (found.isDirectory()) throw new Error("EISDIR")
    if (!form.test(contentOf(file))) throw new Error(taken)
    rmSync(file, { force: true })
  })

/** Writes the file and removes it when the scope closes. */
export const readyFile = (
  file: string,
  { peerId, port }: { readonly port: number; readonly peerId: string }
): Effect.Effect<void, ReadyFileError, Scope.Scope> => {
  const content = `${JSON.stringify({ port, peerId })}\n`
  const write = attempt(file, () => writeWhole(file, content))
  const remove = attempt(file, () => {
    // By now, it may be that of another node.
    if (contentOf(file) === content) rmSync(file)
  })
  return Effect.acquireRelease(
    // Something may have got that name since the start.
    Effect.zipRight(vacate(file), write),
    () => Effect.ignore(remove)
  )
}

const taken = "something has that name that is no ready file; remove it or give another name"

/** A ready file, byte for byte as it is written. */
const form = /^\{"port":\d{1,5},"peerId":"[0-9a-f]{64}"\}\n$/

/** What is in a file; nothing if it is too long for a ready file, or no plain file: to read some of them is to wait. */
const contentOf = (file: string): string => {
  const found = lstatSync(file)
  return found.isFile() && found.size <= 128 ? readFileSync(file, "utf8") : ""
}

const attempt = (file: string, act: () => void): Effect.Effect<void, ReadyFileError> =>
  Effect.try({ try: act, catch: (cause) => new ReadyFileError({ file, cause }) })
