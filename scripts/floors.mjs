// The floors of the house: a file may import from its own floor and those below it, never from above,
// and the pure floors import `effect` for data only.
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

const root = resolve(dirname(new URL(import.meta.url).pathname), "..")
const src = join(root, "src")
const floors = ["domain", "protocol", "services", "layers", "simulation", "cli"]
const floorOf = (file) => {
  const top = relative(src, file).split("/")[0]
  return top === "internal"
    ? floors.indexOf("layers")
    : top.endsWith(".ts")
    ? floors.length
    : floors.indexOf(top)
}
const pureEffect = new Set([
  "Data",
  "Either",
  "Option",
  "Schema",
  "Brand",
  "ParseResult",
  "Duration",
  "FastCheck"
])
const faceTheWorld = /^src\/(internal\/|cli\/|layers\/(Tcp|Udp|Http|File|Node)[A-Za-z]*\.ts$)/
const problems = []
const edges = new Map()

const files = readdirSync(src, { recursive: true }).filter((name) => name.endsWith(".ts")).map((name) =>
  join(src, name)
)
for (const file of files) {
  const name = relative(root, file)
  const text = readFileSync(file, "utf8")
  const floor = floorOf(file)
  if (floor < 0) problems.push(`${name}: stands on no floor (${floors.join(", ")})`)
  const imports = [
    ...text.matchAll(
      /^\s*(import|export)\b(?<what>[^"';]*?)\bfrom\s*"(?<from>[^"]+)"|import\(\s*"(?<lazy>[^"]+)"\s*\)|^import\s*"(?<bare>[^"]+)"/gm
    )
  ]
  for (const { groups } of imports) {
    const from = groups.from ?? groups.lazy ?? groups.bare
    const typeOnly = /^\s*type\b/.test(groups.what ?? "")
    if (from.startsWith(".")) {
      const target = resolve(dirname(file), from.replace(/\.js$/, ".ts"))
      if (floorOf(target) > floor) {
        problems.push(`${name}: imports ${relative(root, target)} from a floor above`)
      }
      if (!typeOnly) edges.set(file, [...(edges.get(file) ?? []), target])
    }
    if (floor <= floors.indexOf("protocol") && !typeOnly) {
      if (from.startsWith("@effect/")) problems.push(`${name}: a pure floor imports ${from}`)
      const module = /^effect\/(\w+)$/.exec(from)?.[1]
      if (from === "effect" || (module !== undefined && !pureEffect.has(module))) {
        problems.push(`${name}: a pure floor imports ${from}; allowed: ${[...pureEffect].join(", ")}`)
      }
      if (from.startsWith("node:") && !(from === "node:crypto" && floor === floors.indexOf("protocol"))) {
        problems.push(`${name}: a pure floor imports ${from}`)
      }
    }
    if (floor === floors.indexOf("services") && from.startsWith("node:")) {
      problems.push(`${name}: a service imports ${from}`)
    }
    if (from === "@effect/platform-node") {
      problems.push(`${name}: imports the barrel of @effect/platform-node, which costs 200 ms of start-up`)
    }
  }
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "")
  if (!faceTheWorld.test(name)) {
    const found =
      /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|new Promise|(?<!\.)process\.\w+|randomBytes|forkDaemon)\b/
        .exec(code)
    if (found) problems.push(`${name}: uses ${found[1]}; only layers that face the world may`)
  }
  if (/\bprocess\.exit\b/.test(code) && name !== "src/cli/main.ts") {
    problems.push(`${name}: only src/cli/main.ts may call process.exit`)
  }
  if (/\.export\(\s*\{\s*format:\s*"jwk"/.test(code)) {
    problems.push(
      `${name}: KeyObject.export as JWK can deadlock in Node 20 after generateKeyPairSync; pass publicKeyEncoding instead`
    )
  }
}

const state = new Map()
const visit = (file, path) => {
  if (state.get(file) === "done") return
  if (state.get(file) === "open") {
    problems.push(
      `a circle of imports: ${
        [...path.slice(path.indexOf(file)), file].map((f) => relative(root, f)).join(" -> ")
      }`
    )
    return
  }
  state.set(file, "open")
  for (const next of edges.get(file) ?? []) visit(next, [...path, file])
  state.set(file, "done")
}
for (const file of files) visit(file, [])

if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exitCode = 1
} else {
  console.log(`floors: ${files.length} files stand where they should`)
}
