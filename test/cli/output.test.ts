import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EventLine, jsonSchema } from "../../src/cli/eventLine.js"
import * as Output from "../../src/cli/output.js"
import type * as Counters from "../../src/domain/Counters.js"
import type { NodeEvent } from "../../src/domain/NodeEvent.js"
import { NodeEvent as NodeEventSchema } from "../../src/domain/NodeEvent.js"
import { NodeId } from "../../src/domain/NodeId.js"
import { connected, key, terminal } from "./standIns.js"

const counters: Counters.Counters = {
  peers_total: 1,
  peers_connected: 2,
  handshakes_started: 3,
  handshakes_completed: 4,
  connect_attempts: 5,
  connect_deduped: 6,
  connect_failures: 7,
  backoff_skips: 8,
  tracked_endpoints: 9
}
const nine =
  "peers_total=1 peers_connected=2 handshakes_started=3 handshakes_completed=4 connect_attempts=5 " +
  "connect_deduped=6 connect_failures=7 backoff_skips=8 tracked_endpoints=9"

const stats: NodeEvent = { ev: "stats", atMillis: 0, counters }
const final = (exitCode: number): NodeEvent => ({
  ev: "final",
  atMillis: 0,
  counters,
  reasons: { Shutdown: 1 },
  exitCode
})
const block = `Final\n  ${nine.replaceAll(" ", "\n  ")}\nbye\n`

const make = (
  mode: Output.Mode,
  level: Output.Plan["level"] = "info",
  options: Parameters<typeof terminal>[0] = {}
) => {
  const given = terminal(options)
  return { ...given, output: Output.make({ mode, level, warnings: [] }, "A", given.terminal) }
}

/** One event of every kind. */
const everything: ReadonlyArray<NodeEvent> = [
  { ev: "listening", atMillis: 0, address: "::", port: 9_001, key },
  {
    ev: "dial.verdict",
    atMillis: 1,
    endpoint: "127.0.0.1:1",
    source: "manual",
    verdict: "backing off",
    retryInMillis: 1_500
  },
  {
    ev: "dial.failed",
    atMillis: 2,
    conn: 1,
    endpoint: "127.0.0.1:1",
    reason: "ConnectionRefused",
    failures: 1,
    retryInMillis: 2_500
  },
  connected,
  { ev: "handshake.rejected", atMillis: 3, conn: 2, endpoint: "127.0.0.1:2", reason: "NotMember" },
  { ev: "peer.rtt", atMillis: 4, conn: 1, peer: key, nodeId: NodeId.make("B"), rttMillis: 0.25 },
  {
    ev: "id.conflict",
    atMillis: 5,
    nodeId: NodeId.make("A"),
    peer: key,
    endpoint: "127.0.0.1:2",
    reason: "NodeIdConflict"
  },
  { ev: "beacon.sent", atMillis: 6, datagrams: 2, interfaces: ["lo", "eth0"] },
  { ev: "beacon.received", atMillis: 6, nodeId: NodeId.make("B"), endpoint: "127.0.0.1:9002", own: false },
  { ev: "beacon.error", atMillis: 6, reason: "PortInUse", detail: "port 37020 is in use" },
  { ev: "registry.ok", atMillis: 6, action: "pull", taken: 1, skipped: 0 },
  {
    ev: "registry.error",
    atMillis: 6,
    action: "announce",
    reason: "Status",
    detail: "500",
    retryInMillis: 100
  },
  {
    ev: "message",
    atMillis: 6,
    peer: key,
    nodeId: NodeId.make("B"),
    topic: "greeting",
    payload: new TextEncoder().encode("hello")
  },
  stats,
  { ev: "log", atMillis: 7, level: "warn", message: "a notice" },
  { ev: "stopping", atMillis: 8, cause: "SIGINT" },
  final(0)
]

const lines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

describe("the plan", () => {
  const plan = (
    wishes: { tui?: boolean; quiet?: boolean; events?: "off" | "ndjson"; level?: "trace" },
    options: Parameters<typeof terminal>[0]
  ) => {
    const { events = "off", level, quiet = false, tui } = wishes
    return Output.plan(
      { events, quiet, tui: Option.fromNullable(tui), logLevel: Option.fromNullable(level) },
      terminal(options).terminal
    )
  }

  it.each(
    [
      [{}, { tty: false }, "lines", "info", 0],
      [{}, { tty: true }, "tui", "warn", 0],
      [{}, { tty: true, dumb: true }, "lines", "info", 0],
      [{ tui: true }, { tty: true }, "tui", "warn", 0],
      [{ tui: true }, { tty: false }, "lines", "info", 1],
      [{ tui: true }, { tty: true, dumb: true }, "lines", "info", 1],
      [{ tui: false }, { tty: true }, "lines", "info", 0],
      [{ quiet: true, tui: true }, { tty: true }, "quiet", "error", 0],
      [{ events: "ndjson", quiet: true, tui: true }, { tty: true }, "ndjson", "error", 0],
      [{ events: "ndjson" }, { tty: false }, "ndjson", "info", 0],
      [{ level: "trace", quiet: true }, { tty: false }, "quiet", "trace", 0],
      [{ level: "trace" }, { tty: true }, "tui", "trace", 0]
    ] as const
  )("for %j on %j is %s at %s", (wishes, options, mode, level, warnings) => {
    const made = plan(wishes, options)
    assert.deepStrictEqual([made.mode, made.level, made.warnings.length], [mode, level, warnings])
  })
})

describe("lines", () => {
  it("have the nine counters in order behind the prefix", () => {
    const { output, state } = make("lines")
    output.emit(stats)
    assert.strictEqual(state.stdout, `[vix p2p] ${nine}\n`)
  })

  it("end with the Final block, and say logs on stderr", () => {
    const { output, state } = make("lines")
    for (const event of everything) output.emit(event)
    assert.strictEqual(state.stdout, `[vix p2p] ${nine}\n${block}`)
    assert.match(
      state.stderr,
      /^1970-01-01T00:00:00\.000Z info {2}listening on port 9001, all addresses, PeerId a1a1a1a1a1a1a1a1…$/m
    )
  })

  it("end with the Final block if peers were missing, and without if the node never ran", () => {
    for (const [exitCode, expected] of [[5, block], [3, ""], [70, ""]] as const) {
      const { output, state } = make("lines")
      output.emit(final(exitCode))
      assert.strictEqual(state.stdout, expected)
    }
  })

  it("are left out while nobody reads, the end apart", () => {
    const { output, state } = make("lines")
    state.waiting = 2 * 1_024 * 1_024
    output.emit(stats)
    output.emit(final(0))
    assert.strictEqual(state.stdout, block)
  })
})

it("what others can cause is told a few times a minute, and all of it to who asks for more", () => {
  const refused = (atMillis: number): NodeEvent => ({
    ev: "handshake.rejected",
    atMillis,
    conn: 1,
    endpoint: "127.0.0.1:2",
    reason: "NotMember"
  })
  const [usual, more] = [make("lines"), make("lines", "debug")]
  for (let at = 0; at < 1_000; at++) for (const { output } of [usual, more]) output.emit(refused(at))
  const told = usual.state.stderr.trimEnd().split("\n")
  assert.lengthOf(told, 20)
  assert.match(told.at(-1) ?? "", /more of this kind are left to --log-level debug for a minute$/)
  assert.lengthOf(more.state.stderr.trimEnd().split("\n"), 1_000)
  // Another kind has its own.
  usual.output.emit({ ev: "log", atMillis: 1_001, level: "warn", message: "a notice" })
  usual.output.emit(refused(60_001))
  assert.match(usual.state.stderr, /a notice\n.*does not hold this network's key\n$/)
})

it("quiet is one line at the end, and errors", () => {
  const { output, state } = make("quiet", "error")
  for (const event of everything) output.emit(event)
  output.fail("something", 0)
  assert.strictEqual(state.stdout, `${nine}\n`)
  assert.strictEqual(state.stderr, "vix p2p: something\n")
})

it("an error is told at any log level and cannot act on the terminal", () => {
  const { output, state } = make("lines", "off")
  output.fail("bad \u001b[31m\nnext", 0)
  assert.strictEqual(state.stderr, "vix p2p: bad \\u{1b}[31m\nnext\n")
})

it("the screen has log lines above it and the Final block below", () => {
  const { output, state } = make("tui", "warn", { tty: true, columns: 40 })
  output.emit(stats)
  output.emit({ ev: "log", atMillis: 0, level: "warn", message: "a notice" })
  assert.match(state.stderr, /a notice\n$/)
  assert.lengthOf(state.stdout.split("[vix p2p] peers_total=1").slice(1), 2)
  output.emit(final(0))
  assert.isTrue(state.stdout.endsWith(block))
})

describe("ndjson", () => {
  it("is one line of JSON an event, numbered without gaps, in the shape that is published", () => {
    const { output, state } = make("ndjson")
    for (const event of everything) output.emit(event)
    const printed = lines(state.stdout)
    assert.deepStrictEqual(printed.map(({ seq }) => seq), everything.map((_, at) => at))
    assert.deepStrictEqual(printed.map(({ ev }) => ev), everything.map(({ ev }) => ev))
    const decode = Schema.decodeUnknownSync(EventLine)
    for (const line of printed) assert.doesNotThrow(() => decode(line))
    assert.deepStrictEqual(printed.find(({ ev }) => ev === "message"), {
      v: 1,
      seq: 12,
      t: "1970-01-01T00:00:00.006Z",
      node: "A",
      ev: "message",
      peer: key,
      nodeId: NodeId.make("B"),
      topic: "greeting",
      payload: "aGVsbG8="
    })
  })

  it("covers every event that there is", () =>
    assert.sameMembers(
      everything.map(({ ev }) => ev),
      NodeEventSchema.members.map(({ fields }) => fields.ev.literals[0])
    ))

  it("keeps log lines below the level out", () => {
    const { output, state } = make("ndjson", "error")
    output.emit({ ev: "log", atMillis: 0, level: "warn", message: "a notice" })
    output.emit({ ev: "log", atMillis: 0, level: "error", message: "an error" })
    assert.deepStrictEqual(lines(state.stdout).map(({ message }) => message), ["an error"])
  })

  it("says how many events are missing where nobody has read", () => {
    const { output, state } = make("ndjson")
    output.emit(stats)
    state.waiting = 2 * 1_024 * 1_024
    output.emit(stats)
    output.emit(stats)
    state.waiting = 0
    output.emit(stats)
    output.emit(stats)
    assert.deepStrictEqual(lines(state.stdout).map(({ dropped, seq }) => [seq, dropped]), [
      [0, undefined],
      [1, 2],
      [2, undefined]
    ])
  })

  it("keeps the last word for a reader who comes late", () => {
    const { output, state } = make("ndjson")
    state.waiting = 2 * 1_024 * 1_024
    output.emit(stats)
    output.emit(final(0))
    assert.deepInclude(lines(state.stdout)[0], { seq: 0, ev: "final", dropped: 1 })
  })

  it("escapes what a terminal would act on, and says it whole", () => {
    const { output, state } = make("ndjson")
    output.emit({ ev: "log", atMillis: 0, level: "warn", message: "\u001b]0;x\u0007\u202e\u009b" })
    assert.match(state.stdout, /^[\x20-\x7e]+\n$/)
    assert.strictEqual(lines(state.stdout)[0]?.["message"], "\u001b]0;x\u0007\u202e\u009b")
  })

  it("tells errors too", () => {
    const { output, state } = make("ndjson")
    output.fail("port 9001 is in use", 0)
    assert.deepInclude(lines(state.stdout)[0], { ev: "log", level: "error", message: "port 9001 is in use" })
  })
})

it("a registry that stays away is told of once, until it has been back", () => {
  const { output, state } = make("lines")
  const away = (reason: string) =>
    output.emit({
      ev: "registry.error",
      atMillis: 0,
      action: "pull",
      reason,
      detail: reason,
      retryInMillis: 0
    })
  for (const reason of ["Timeout", "Timeout", "Unreachable"]) away(reason)
  output.emit({ ev: "registry.ok", atMillis: 0, action: "pull", taken: 0, skipped: 0 })
  away("Unreachable")
  output.emit({
    ev: "registry.error",
    atMillis: 0,
    action: "leave",
    reason: "Refused",
    detail: "Refused",
    retryInMillis: 0
  })
  assert.deepStrictEqual(state.stderr.match(/Timeout|Unreachable|Refused/g), [
    "Timeout",
    "Unreachable",
    "Unreachable"
  ])
})

it("the JSON Schema has one shape for each event and lets readers meet new members", () => {
  const schema = JSON.parse(jsonSchema()) as { readonly anyOf: ReadonlyArray<Record<string, unknown>> }
  assert.lengthOf(schema.anyOf, NodeEventSchema.members.length)
  for (const shape of schema.anyOf) {
    assert.includeMembers(shape["required"] as Array<string>, ["v", "seq", "t", "node", "ev"])
    assert.notInclude(JSON.stringify(shape), "\"additionalProperties\":false")
    assert.notInclude(JSON.stringify(shape), "atMillis")
  }
})
