/**
 * The program as V8 has compiled it before: its code is loaded in a fraction of the time that it takes to compile it.
 * Each version of V8 has a file beside the program, kept by the first run under it that ends well. One comes with the
 * package.
 */
import { accessSync, constants, readFileSync } from "node:fs"
import { join } from "node:path"
import { Script } from "node:vm"
import type * as Program from "./program.js"
import { writeWhole } from "./writeWhole.js"

const filename = join(__dirname, "program.js")
const kept = join(__dirname, `program-${process.versions.v8}-${process.arch}.v8`)

const find = (): Buffer | undefined => {
  try {
    return readFileSync(kept)
  } catch {
    return undefined
  }
}

const program = { exports: {} as typeof Program }

/** Runs the program. What it gives has no code yet, and the code that there is is held no longer. */
const load = (): Script | undefined => {
  const cachedData = find()
  // V8 refuses code that does not fit, and compiles.
  const script = new Script(readFileSync(filename, "utf8"), { filename, ...(cachedData && { cachedData }) })
  script.runInThisContext()(program, require)
  return cachedData === undefined ? script : undefined
}

const uncompiled = load()

const keep = (script: Script): void => {
  try {
    // Before the code is put together in vain.
    accessSync(__dirname, constants.W_OK)
    writeWhole(kept, script.createCachedData())
  } catch {
    // The next run compiles, too.
  }
}

export const { schema } = program.exports

export const p2p: typeof Program.p2p = async (...given) => {
  const exitCode = await program.exports.p2p(...given)
  if (uncompiled !== undefined && exitCode === 0) keep(uncompiled)
  return exitCode
}
