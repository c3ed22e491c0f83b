// Bundles the benchmarks and runs them: see README.md in this folder.
import { build } from "esbuild"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("./", import.meta.url))
if (!existsSync(`${folder}node_modules`)) {
  console.error("installing the peers into bench/node_modules: npm ci")
  // libp2p asks for Node 22 and runs here all the same.
  execFileSync("npm", ["ci", "--loglevel=error"], { cwd: folder, stdio: ["ignore", 2, 2] })
}
await build({
  absWorkingDir: folder,
  entryPoints: ["main.ts", "worker.ts"],
  outdir: "dist",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  splitting: true,
  logLevel: "warning"
})
await import(new URL("dist/main.mjs", import.meta.url).href)
