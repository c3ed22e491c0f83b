// Bundles the benchmarks and runs them: see README.md in this folder.
import { build } from "esbuild"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../", import.meta.url))
await build({
  absWorkingDir: root,
  entryPoints: ["bench/main.ts", "bench/worker.ts"],
  outdir: "dist/bench",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  splitting: true,
  logLevel: "warning"
})
await import(new URL("../dist/bench/main.mjs", import.meta.url).href)
