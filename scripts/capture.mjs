// Draws docs/vix-p2p.svg: two nodes run in two terminals of tmux, and what stands there then becomes the picture.
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const program = join(root, "dist", "bin", "vix.cjs")
if (!existsSync(program)) throw new Error("expected dist/bin/vix.cjs: npm run build first")

const columns = 112
const rows = 5
const work = mkdtempSync(join(tmpdir(), "vix-capture-"))
const tmux = (...words) =>
  execFileSync("tmux", ["-S", join(work, "socket"), "-f", "/dev/null", ...words], { encoding: "utf8" })

const open = (name) => {
  const shell =
    `env -i PS1='$ ' TERM=screen LANG=C.UTF-8 PATH=${work}:${process.env.PATH} bash --norc --noprofile`
  tmux("-u", "new-session", "-d", "-s", name, "-x", `${columns}`, "-y", `${rows}`, shell)
}
const type = (name, line) => tmux("send-keys", "-t", name, line, "Enter")
const shown = (name) => tmux("capture-pane", "-p", "-t", name).trimEnd().split("\n")

/** Waits until a terminal shows something. */
const until = async (name, pattern) => {
  for (let tries = 0; tries < 100; tries++) {
    if (pattern.test(shown(name).join("\n"))) return
    await setTimeout(100)
  }
  throw new Error(`${pattern} never came:\n${shown(name).join("\n")}`)
}

const capture = async () => {
  symlinkSync(program, join(work, "vix"))
  try {
    for (const name of ["1", "2"]) {
      open(name)
      await until(name, /^\$/)
    }
    type("1", "vix p2p --id A --listen 9001 --log-level info")
    await until("1", /listening/)
    type("2", "vix p2p --id B --listen 9002 --connect 127.0.0.1:9001 --log-level info")
    for (const name of ["1", "2"]) await until(name, /\) connected[^]*peers_connected=1/)
    const screens = ["1", "2"].map(shown)
    for (const name of ["2", "1"]) {
      tmux("send-keys", "-t", name, "C-c")
      await until(name, /bye/)
    }
    return screens
  } finally {
    tmux("kill-server")
    rmSync(work, { recursive: true })
  }
}

const cell = { width: 7.8, height: 18 }
const bar = 28
const gap = 14
const margin = 12
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const draw = (screens) => {
  const width = Math.ceil(columns * cell.width) + 2 * margin
  const height = bar + Math.max(...screens.map(({ length }) => length)) * cell.height + 2 * margin
  const windows = screens.map((lines, at) => {
    const text = lines.map((line, row) => {
      const y = bar + margin + (row + 0.75) * cell.height
      // Every line has the width that its characters have in a terminal, whatever font there is.
      const length = ` textLength="${(line.length * cell.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`
      return `    <text x="${margin}" y="${y}"${length}>${escaped(line)}</text>\n`
    })
    return `  <g transform="translate(0 ${at * (height + gap)})">
    <rect width="${width}" height="${height}" rx="8" fill="#1e222a"/>
    <path d="M0 ${bar}h${width}" stroke="#3b414d"/>
    <text x="${margin}" y="19" fill="#8b93a3">terminal ${at + 1}</text>
${text.join("")}  </g>
`
  })
  const all = 2 * height + gap
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${all}" viewBox="0 0 ${width} ${all}"
  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13"
  fill="#d5dae3" xml:space="preserve">
  <title>Two nodes in two terminals: B dials A, and both show one connected peer</title>
${windows.join("")}</svg>
`
}

writeFileSync(join(root, "docs", "vix-p2p.svg"), draw(await capture()))
