/**
 * A run as a picture: a lane for each node with the number of its peers over time, the faults above and across.
 *
 * @since 0.1.0
 */
import * as PeerState from "../domain/PeerState.js"
import * as Fault from "./Fault.js"
import { History } from "./History.js"
import * as Laws from "./Laws.js"
import type { Outcome } from "./Run.js"
import { escape, Line, rect, round, text } from "./Svg.js"
import type { Happening } from "./Trace.js"

/** @since 0.1.0 */
export class Timeline {
  readonly #lanes = new Map<string, Lane>()

  /** Takes the next event of the run. */
  see({ atMicros, event, life, node }: Happening): void {
    let lane = this.#lanes.get(node)
    if (lane === undefined) this.#lanes.set(node, lane = new Lane())
    if (life !== lane.life) lane.begin(life, atMicros)
    if (event.ev !== "peer.state") return
    if (PeerState.isLive(event.to)) lane.sessions.add(event.conn)
    else lane.sessions.delete(event.conn)
    lane.peers.add(atMicros, lane.sessions.size)
  }

  /** The picture as an SVG file that needs nothing else. */
  svg(outcome: Outcome): string {
    const names = outcome.nodes.map(({ name }) => name)
    const bars = pack(outcome.faults.filter(({ fromMillis }) => fromMillis <= outcome.worldMillis), outcome)
    const laneHeight = Math.max(10, Math.min(44, Math.floor(1_600 / Math.max(1, names.length))))
    const top = headHeight + barHeight * (bars.rows + 2)
    const bottom = top + names.length * laneHeight
    const x = scale(outcome.worldMillis)
    const place: Place = { x, top, bottom, laneHeight, names }
    const drawn = names.map((name, at) => ({
      name,
      at,
      peers: this.#lanes.get(name)?.peers,
      lives: this.#livesOf(name, outcome)
    }))
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${
        bottom + footHeight
      }" font-family="system-ui, sans-serif" font-size="11">`,
      `<title>${escape(title(outcome))}</title>`,
      `<style>${style}</style>`,
      `<rect class="page" width="${width}" height="${bottom + footHeight}"/>`,
      `<text class="title" x="${left}" y="20">${escape(title(outcome))}</text>`,
      ...bars.bars.flatMap((bar) => drawBar(bar, place)),
      ...bars.more > 0
        ? [`<text class="soft" x="${left}" y="${top - 4}">and ${bars.more} more faults</text>`]
        : [],
      ...drawn.flatMap((lane) => drawGround(lane, outcome, place)),
      ...bars.bars.flatMap((bar) => drawShades(bar, place)),
      ...drawn.flatMap((lane) => drawPeers(lane, outcome, place)),
      ...drawAxis(outcome.worldMillis, place),
      ...drawMarks(outcome, place),
      "</svg>",
      ""
    ].join("\n")
  }

  /** When a node was up, in milliseconds: a life ends with the first fault that ends it, or with the next one. */
  #livesOf(name: string, { faults, worldMillis }: Outcome): ReadonlyArray<Span> {
    const begun = this.#lanes.get(name)?.begun ?? []
    const ends = faults.flatMap((fault) =>
      (fault.kind === "crash" || fault.kind === "restart") && fault.host === name ? [fault.fromMillis] : []
    )
    return begun.map((from, at) => {
      const next = begun[at + 1] ?? worldMillis
      return { from, to: Math.min(next, ...ends.filter((end) => end > from)) }
    })
  }
}

interface Span {
  /** Milliseconds of the world. */
  readonly from: number
  readonly to: number
}

interface Bar {
  readonly fault: Fault.Fault
  readonly from: number
  readonly to: number
  readonly row: number
}

/** A lane as it is drawn. */
interface Drawn {
  readonly name: string
  readonly at: number
  readonly peers: History | undefined
  readonly lives: ReadonlyArray<Span>
}

interface Place {
  readonly x: (millis: number) => number
  readonly top: number
  readonly bottom: number
  readonly laneHeight: number
  readonly names: ReadonlyArray<string>
}

class Lane {
  life = 0
  /** When each of its lives began, in milliseconds. */
  readonly begun: Array<number> = []
  readonly sessions = new Set<number>()
  readonly peers = new History()

  begin(life: number, atMicros: number): void {
    this.life = life
    this.begun.push(atMicros / 1_000)
    this.sessions.clear()
    this.peers.add(atMicros, 0)
  }
}

const width = 1_200
const left = 70
const right = 1_180
const headHeight = 40
const footHeight = 30
const barHeight = 15
const mostRows = 40

/** Points of all lines together: some hundred kilobytes of text. */
const mostPoints = 20_000

/** Pixels that a letter of a fault's name takes, about. */
const letter = 5.6

const style = `
.page{fill:#fff}text{fill:#222}.title{font-size:14px;font-weight:600}.soft,.axis text{fill:#666}
.lane{fill:#f4f5f7}.up{fill:#e6eefc}.peers{fill:#5b8def;fill-opacity:.55;stroke:#2459c5;stroke-width:1}
.frozen{fill:#7fd3e8;fill-opacity:.6}.fault{fill:#f0a63a;fill-opacity:.85}.shade{fill:#f0a63a;fill-opacity:.13}
.axis line{stroke:#ccc;stroke-width:1}.healed{stroke:#1a8f3c;stroke-width:1.5;stroke-dasharray:5 3}
.broken{stroke:#d11f1f;stroke-width:2}text.healed-text{fill:#1a8f3c}text.broken-text{fill:#d11f1f;font-weight:600}
@media (prefers-color-scheme:dark){.page{fill:#14171c}text{fill:#e4e6ea}.soft,.axis text{fill:#9aa1ab}
.lane{fill:#1d2128}.up{fill:#22304a}.peers{fill:#5b8def;stroke:#9cbcff}.frozen{fill:#2f7f93}
.fault{fill:#b97516}.shade{fill:#f0a63a;fill-opacity:.16}.axis line{stroke:#3a4048}
.healed{stroke:#4cc870}.broken{stroke:#ff6161}text.healed-text{fill:#4cc870}text.broken-text{fill:#ff6161}}
`

const title = ({ nodes, seed, violation, worldMillis }: Outcome): string =>
  `seed ${seed}: ${nodes.length} nodes, ${worldMillis / 1_000} s of the world, ${
    violation === undefined ? "passed" : `broken: ${violation.law}`
  }`

/** Where a time is on the page. */
const scale = (worldMillis: number) => (millis: number): number =>
  left + (right - left) * Math.max(0, Math.min(1, worldMillis > 0 ? millis / worldMillis : 0))

/** Gives each fault a row in which nothing else stands at its time, its name included. */
const pack = (
  faults: ReadonlyArray<Fault.Fault>,
  { worldMillis }: Outcome
): { readonly bars: ReadonlyArray<Bar>; readonly rows: number; readonly more: number } => {
  const x = scale(worldMillis)
  const ends: Array<number> = []
  const bars: Array<Bar> = []
  let more = 0
  for (const fault of faults) {
    const { fromMillis: from } = fault
    const to = Math.min(fault.toMillis, worldMillis)
    const [begin, end] = extent(Fault.describe(fault), x(from), x(to))
    const free = ends.findIndex((taken) => taken + 4 <= begin)
    const row = free < 0 ? ends.length : free
    if (row >= mostRows) more++
    else {
      ends[row] = end
      bars.push({ fault, from, to, row })
    }
  }
  return { bars, rows: ends.length, more }
}

/**
 * From where to where a bar and its name reach; the name stands behind the bar, before it near the right edge, and
 * upon it where there is room at neither end.
 */
const extent = (name: string, from: number, to: number): readonly [number, number] => {
  const wide = name.length * letter + 6
  if (to + wide <= right) return [from, to + wide]
  return from - wide >= 0 ? [from - wide, to] : [from, to]
}

const drawBar = ({ fault, from, row, to }: Bar, { x }: Place): ReadonlyArray<string> => {
  const name = Fault.describe(fault)
  const [x1, x2] = [x(from), x(to)]
  const y = headHeight + row * barHeight
  const [begin, end] = extent(name, x1, x2)
  const label = begin < x1
    ? text("soft", x1 - 3, y + 10, name, "end")
    : end > x2
    ? text("soft", x2 + 3, y + 10, name, "start")
    : text("", x1 + 3, y + 10, name, "start")
  return [rect("fault", x1, y, Math.max(1.5, x2 - x1), barHeight - 3), label]
}

const drawShades = ({ fault, from, to }: Bar, { bottom, laneHeight, names, top, x }: Place) =>
  concerned(fault).flatMap((host) => {
    const wide = Math.max(1.5, x(to) - x(from))
    if (host === undefined) return [rect("shade", x(from), top, wide, bottom - top)]
    const at = names.indexOf(host)
    return at < 0 ? [] : [rect("shade", x(from), top + at * laneHeight, wide, laneHeight)]
  })

/** The lanes that a fault shades; nothing for all of them. */
const concerned = (fault: Fault.Fault): ReadonlyArray<string | undefined> =>
  fault.kind === "partition"
    ? fault.hosts
    : fault.kind === "clog"
    ? [fault.from, fault.to]
    : "host" in fault
    ? [fault.host]
    : [undefined]

/** The top and the bottom of a lane. */
const edges = (at: number, { laneHeight, top }: Place): readonly [number, number] => [
  top + at * laneHeight + 3,
  top + (at + 1) * laneHeight - 1
]

const drawGround = ({ at, lives, name }: Drawn, { faults, worldMillis }: Outcome, place: Place) => {
  const [ceiling, floor] = edges(at, place)
  const span = (kind: string, from: number, to: number) =>
    rect(kind, place.x(from), ceiling, place.x(to) - place.x(from), floor - ceiling)
  return [
    span("lane", 0, worldMillis),
    ...lives.map(({ from, to }) => span("up", from, to)),
    ...faults.flatMap((fault) =>
      fault.kind === "freeze" && fault.host === name && fault.fromMillis < worldMillis
        ? [span("frozen", fault.fromMillis, fault.toMillis)]
        : []
    ),
    text("", left - 8, (ceiling + floor) / 2 + 4, name, "end")
  ]
}

const drawPeers = ({ at, lives, peers }: Drawn, { nodes }: Outcome, place: Place) => {
  const [ceiling, floor] = edges(at, place)
  const moments = peers?.within(Math.max(64, Math.floor(mostPoints / nodes.length))) ?? []
  const most = Math.max(1, nodes.length - 1, ...moments.map(({ last }) => last))
  const height = (count: number) => floor - (floor - ceiling) * count / most
  return lives.map(({ from, to }) => {
    const line = new Line(place.x(from), floor)
    let count = 0
    for (const { atMillis, last, least } of moments) {
      if (atMillis < from || atMillis >= to) continue
      if (least < count) line.step(place.x(atMillis), height(least))
      count = last
      line.step(place.x(atMillis), height(count))
    }
    line.step(place.x(to), floor)
    return `<path class="peers" d="${line.path}Z"/>`
  })
}

const drawAxis = (worldMillis: number, { bottom, top, x }: Place): ReadonlyArray<string> => {
  const step =
    [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1_800, 3_600].find((each) => worldMillis / 1_000 / each <= 15) ??
      Math.ceil(worldMillis / 15_000)
  const lines = []
  for (let at = 0; at * step * 1_000 <= worldMillis; at++) {
    const seconds = round(at * step)
    const here = round(x(seconds * 1_000))
    lines.push(
      `<line x1="${here}" y1="${top}" x2="${here}" y2="${bottom + 5}"/>`
        + text("", here, bottom + 18, `${seconds} s`, "middle")
    )
  }
  return ["<g class=\"axis\">", ...lines, "</g>"]
}

const drawMarks = ({ healedAtMillis, violation }: Outcome, { bottom, top, x }: Place) => {
  const mark = (millis: number, kind: string, row: number, words: string) => {
    const here = x(millis)
    const y = top - 3 - row * 13
    const isLate = here > (left + right) / 2
    const line = `<line class="${kind}" x1="${round(here)}" y1="${y - 9}" x2="${
      round(here)
    }" y2="${bottom}"/>`
    return line + text(`${kind}-text`, here + (isLate ? -4 : 4), y, words, isLate ? "end" : "start")
  }
  return [
    ...healedAtMillis === undefined ? [] : [mark(healedAtMillis, "healed", 0, "faults healed")],
    ...violation === undefined
      ? []
      : [mark(violation.atMicros / 1_000, "broken", 1, `${violation.law}: ${Laws.laws[violation.law]}`)]
  ]
}
