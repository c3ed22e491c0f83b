// Builds the library (ESM and declarations, by tsc) and the command (by esbuild): a small launcher that answers
// help by itself, the program in one file that it loads when it is needed, and V8's code for that file, so that it
// need not be compiled again. The registry is a file of its own, and so are the simulator and the client of Redis.
import { build } from "esbuild"
import { execFileSync } from "node:child_process"
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(root, "dist")
const bin = join(dist, "bin")
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const require = createRequire(import.meta.url)

rmSync(dist, { recursive: true, force: true })
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc")
execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" })
// The command is no part of the library: it comes as the bundle below.
rmSync(join(dist, "cli"), { recursive: true, force: true })

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20.19",
  // Identifiers stay, so that the stack of a defect can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  // A plain `require`, without the loader of ES modules.
  supported: { "dynamic-import": false },
  define: { VIX_VERSION: JSON.stringify(version) }
}
// Other files are loaded when they are needed.
const later = (paths) => ({
  name: "later",
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ path }) => paths[path] && { path: paths[path], external: true })
})
await build({
  ...common,
  entryPoints: ["src/cli/main.ts"],
  outfile: join(bin, "vix.cjs"),
  banner: { js: "#!/usr/bin/env node" },
  plugins: [
    later({
      "./program.js": "./program.cjs",
      "./registry.js": "./registry.cjs",
      "./simulate.js": "./simulate.cjs"
    })
  ]
})
await build({ ...common, entryPoints: ["src/cli/program.ts"], outfile: join(bin, "program.js") })
await build({
  ...common,
  entryPoints: ["src/cli/registry.ts"],
  outfile: join(bin, "registry.cjs"),
  plugins: [later({ "@redis/client": "./redis.cjs" })]
})
await build({ ...common, entryPoints: ["src/cli/simulate.ts"], outfile: join(bin, "simulate.cjs") })
await build({
  ...common,
  stdin: { contents: `module.exports = require("@redis/client")`, resolveDir: root },
  outfile: join(bin, "redis.cjs")
})
await build({ ...common, entryPoints: ["src/cli/compiled.ts"], outfile: join(bin, "program.cjs") })
const program = join(bin, "program.js")
writeFileSync(program, `(function (module, require) {${readFileSync(program, "utf8")}\n})`)
// A node runs for a moment, and keeps V8's code with the functions that are called on the way to listening.
const line = "p2p --id A --listen 0 --bind 127.0.0.1 --discovery off --run 0.1".split(" ")
execFileSync(process.execPath, [join(bin, "vix.cjs"), ...line], { stdio: "ignore" })
chmodSync(join(bin, "vix.cjs"), 0o755)
