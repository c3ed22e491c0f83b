import { assert, describe, it } from "@effect/vitest"
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach } from "vitest"
import { program, run, tidy } from "./process.js"

const programs = ["vix.cjs", "program.cjs", "program.js"]
const code = `program-${process.versions.v8}-${process.arch}.v8`
const folders: Array<string> = []

/** The program in a folder of its own, without code. */
const copy = () => {
  const folder = mkdtempSync(join(tmpdir(), "vix-"))
  folders.push(folder)
  for (const file of programs) copyFileSync(join(dirname(program), file), join(folder, file))
  const node = (line: string) =>
    run(process.execPath, [
      join(folder, "vix.cjs"),
      ..."p2p --listen 0 --bind 127.0.0.1 --discovery off --id".split(" "),
      ...line.split(" ")
    ]).outcome
  const others = () => readdirSync(folder).filter((file) => !programs.includes(file))
  return { file: join(folder, code), node, others }
}

tidy()
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

describe("the code of V8", () => {
  it("comes with the package", () => assert.include(readdirSync(dirname(program)), code))

  it("is kept by the first run that ends well, and by no other", async () => {
    const { file, node, others } = copy()
    assert.strictEqual((await node("A --run never")).code, 1)
    assert.deepStrictEqual(others(), [])
    assert.strictEqual((await node("A --run 0.01")).code, 0)
    assert.deepStrictEqual(others(), [code])
    const { ino, size } = statSync(file)
    assert.isAbove(size, 500_000)
    assert.strictEqual((await node("A --run 0.01")).code, 0)
    assert.strictEqual(statSync(file).ino, ino)
  })

  it("is missed by nobody where it cannot be written, and nothing stays of the attempt", async () => {
    const { file, node, others } = copy()
    mkdirSync(file)
    assert.deepInclude(await node("A --run 0.01"), { code: 0, signal: null })
    assert.deepStrictEqual(others(), [code])
  })

  it("is refused when it is none", async () => {
    const { file, node } = copy()
    const [whole, none] = [readFileSync(join(dirname(program), code)), Buffer.from("no code")]
    for (const text of [none, whole.subarray(0, 1_000), Buffer.alloc(0)]) {
      writeFileSync(file, text)
      assert.deepInclude(await node("A --run 0.01"), { code: 0, signal: null })
      assert.deepStrictEqual(readFileSync(file), Buffer.from(text))
    }
  })
})
