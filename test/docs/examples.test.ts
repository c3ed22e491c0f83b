import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { type Block, documents, root } from "./documents.js"

const tsc = join(
  dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
  "bin",
  "tsc"
)

interface Example extends Block {
  readonly file: string
  /** What a program prints: the block behind it. */
  readonly prints: string | undefined
}

// Within the project, where its packages are found, and out of sight of everything else.
const work = mkdtempSync(join(root, "node_modules", ".docs-"))

const examples: ReadonlyArray<Example> = [...documents.values()].flatMap(({ blocks }) =>
  blocks.flatMap((block, at) => {
    if (block.language !== "ts") return []
    const next = blocks[at + 1]
    const isProgram = block.text.includes("runMain(")
    return [{
      ...block,
      file: join(work, `${block.where.replaceAll(/\W/g, "_")}.mts`),
      prints: isProgram && next?.language === "text" ? `${next.text}\n` : undefined
    }]
  })
)

beforeAll(() => {
  for (const { file, text } of examples) writeFileSync(file, text)
  writeFileSync(
    join(work, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["*.mts"], exclude: [] })
  )
})

afterAll(() => rmSync(work, { recursive: true }))

describe("examples in the documents", () => {
  it("type-check", { timeout: 120_000 }, () => {
    assert.isAbove(examples.length, 0)
    const { stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", "."], {
      cwd: work,
      encoding: "utf8"
    })
    // Mistakes of the source are told by the check of its own types.
    assert.deepStrictEqual(stdout.split("\n").filter((line) => /^\w+\.mts/.test(line)), [])
  })

  for (const { file, prints, text, where } of examples) {
    if (!text.includes("runMain(")) continue
    it(`runs and prints what is shown: ${where}`, { timeout: 60_000 }, async () => {
      const outfile = `${file}.mjs`
      await build({
        entryPoints: [file],
        outfile,
        bundle: true,
        platform: "node",
        format: "esm",
        packages: "external",
        alias: { vix: join(root, "src/index.ts") },
        logLevel: "silent"
      })
      const { status, stderr, stdout } = spawnSync(process.execPath, [outfile], {
        encoding: "utf8",
        timeout: 50_000
      })
      assert.strictEqual(stdout, prints, stderr)
      assert.strictEqual(status, 0)
    })
  }
})
