// Bundles the demonstration and runs it.
import { build } from "esbuild"
import { mkdirSync } from "node:fs"
import { pathToFileURL } from "node:url"

const outfile = "dist/demo/demo.mjs"
mkdirSync("dist/demo", { recursive: true })
await build({
  entryPoints: ["examples/demo.ts"],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  logLevel: "warning"
})
await import(pathToFileURL(outfile).href)
