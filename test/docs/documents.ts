/** The documents that users read, taken apart: blocks of code, tables, links. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../", import.meta.url))

export interface Block {
  readonly language: string
  readonly text: string
  /** Where it stands, for whoever has to put it right. */
  readonly where: string
}

export interface Table {
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export interface Document {
  readonly name: string
  readonly blocks: ReadonlyArray<Block>
  readonly tables: ReadonlyArray<Table>
  /** Targets as they are written. */
  readonly links: ReadonlyArray<string>
  /** The names that its headings have in a link. */
  readonly anchors: ReadonlySet<string>
}

const fence = /^```(\w*)$/

const read = (name: string): Document => {
  const blocks: Array<Block> = []
  const prose: Array<string> = []
  let open: { readonly language: string; readonly from: number; readonly lines: Array<string> } | undefined
  for (const [at, line] of readFileSync(join(root, name), "utf8").split("\n").entries()) {
    const language = fence.exec(line)?.[1]
    if (open === undefined && language === undefined) prose.push(line)
    else if (open === undefined) open = { language: language ?? "", from: at + 1, lines: [] }
    else if (language === undefined) open.lines.push(line)
    else {
      blocks.push({ language: open.language, text: open.lines.join("\n"), where: `${name}:${open.from}` })
      open = undefined
    }
  }
  const text = prose.join("\n")
  return {
    name,
    blocks,
    tables: text.split(/\n(?!\|)/).flatMap((part) => {
      const [head, , ...rows] = part.split("\n").filter((line) => line.startsWith("|")).map(cells)
      return head === undefined ? [] : [{ head, rows }]
    }),
    links: [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? ""),
    anchors: new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading ?? "")))
  }
}

/** The cells of a row, without the quotes of code that stand around a whole one. */
const cells = (row: string): ReadonlyArray<string> =>
  row.split(/(?<!\\)\|/).slice(1, -1).map((cell) =>
    cell.trim().replaceAll("\\|", "|").replace(/^`([^`]*)`$/, "$1")
  )

const anchor = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")

const names = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)
]

export const documents: ReadonlyMap<string, Document> = new Map(names.map((name) => [name, read(name)]))

/** A document that must be there. */
export const document = (name: string): Document => {
  const found = documents.get(name)
  if (found === undefined) throw new Error(`${name} is missing`)
  return found
}

/** The rows of all tables of a document whose first columns are called so. */
export const rows = (name: string, ...head: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const found = document(name).tables.filter((table) => head.every((word, at) => table.head[at] === word))
  if (found.length === 0) throw new Error(`${name} has no table of ${head.join(", ")}`)
  return found.flatMap((table) => table.rows)
}

/** All blocks in one of some languages. */
export const blocksIn = (...languages: ReadonlyArray<string>): ReadonlyArray<Block> =>
  [...documents.values()].flatMap(({ blocks }) =>
    blocks.filter(({ language }) => languages.includes(language))
  )

/** Where a link from a document leads, if it stays in the repository. */
export const targetOf = (
  from: Document,
  link: string
): { readonly path: string; readonly anchor: string } | undefined => {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = "", fragment = ""] = link.split("#", 2)
  return { path: path === "" ? from.name : join(dirname(from.name), path), anchor: fragment }
}
