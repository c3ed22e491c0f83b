/** How much an installation takes on disk, with everything that comes along. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/** What a lock file says of a package. */
interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** Bytes of the files of the packages called so and of all that they need, as installed in this folder. */
export const packages = (folder: string, names: ReadonlyArray<string>): number => {
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  const found = new Set<string>()
  const waiting = names.map((name) => ({ name, from: "" }))
  for (const { from, name } of waiting) {
    const place = places(from, name).find((place) => lock.packages[place] !== undefined)
    // What is optional and not there takes no room.
    if (place === undefined || found.has(place)) continue
    found.add(place)
    for (const needed of needs(lock.packages[place] ?? {})) waiting.push({ name: needed, from: place })
  }
  return [...found].reduce((sum, place) => sum + size(join(folder, place)), 0)
}

/** Bytes of the files of our own package, as `npm` packs it, and of all that it needs. */
export const own = (root: string): number => {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    })
  ) as ReadonlyArray<{ readonly unpackedSize: number }>
  const named = needs(JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Locked)
  return (packed?.unpackedSize ?? Number.NaN) + packages(root, named)
}

const needs = (of: Locked): ReadonlyArray<string> => [
  ...Object.keys({ ...of.dependencies, ...of.optionalDependencies }),
  ...Object.keys(of.peerDependencies ?? {}).filter((name) =>
    of.peerDependenciesMeta?.[name]?.optional !== true
  )
]

/** Where Node looks for a package, the nearest place first. */
const places = (from: string, name: string): ReadonlyArray<string> => {
  const parts = from.split("/node_modules/")
  const outwards = from === ""
    ? []
    : parts.map((_, at) => `${parts.slice(0, parts.length - at).join("/node_modules/")}/node_modules/${name}`)
  return [...outwards, `node_modules/${name}`]
}

/** Bytes of the files in a folder; packages inside a package are counted by themselves. */
const size = (folder: string): number => {
  let bytes = 0
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) bytes += entry.name === "node_modules" ? 0 : size(path)
      else if (entry.isFile()) bytes += statSync(path).size
    }
  } catch {
    // Not installed, since it is for another system.
  }
  return bytes
}
