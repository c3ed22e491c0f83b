import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { commandOf, numbered, settingsOf } from "../../src/cli/simulateFaults.js"
import { options } from "../../src/cli/simulateOptions.js"
import { parse } from "../../src/cli/simulateParse.js"
import { namesOf, type Table } from "../../src/cli/table.js"
import * as Limits from "../../src/domain/Limits.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import * as Fault from "../../src/simulation/Fault.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { words } from "./standIns.js"

const tryParse = (argv: ReadonlyArray<string>) => Effect.runSync(Effect.either(parse(argv)))
const parsed = (line: string) => Either.getOrThrow(tryParse(words(line)))
const problems = (line: string) => Either.getOrThrow(Either.flip(tryParse(words(line)))).problems
const kinds = Object.keys(Fault.kinds) as ReadonlyArray<Fault.Kind>

describe("a line without a word", () => {
  it("is ten nodes for a minute without faults, of any seed", () => {
    const { limits, ...rest } = parsed("")
    assert.deepStrictEqual(limits, Limits.defaults)
    assert.deepStrictEqual(rest, {
      nodes: 10,
      forMillis: 60_000,
      calmMillis: 120_000,
      seed: Option.none(),
      order: "seeded",
      kinds: [],
      loss: 0,
      delayMillis: 0,
      partitions: [],
      crashes: 0,
      keep: Option.none(),
      seeds: 1,
      jobs: Option.none(),
      twice: false,
      quiet: false,
      events: "off",
      timeline: Option.none(),
      logLevel: "error",
      discovery: DiscoveryConfig.defaults,
      bootstrap: undefined
    })
  })

  it("is what an embedding program has by default", () => {
    const settings = settingsOf(parsed(""), 7)
    assert.deepStrictEqual({ ...settings, only: [], node: {} }, { ...Simulation.defaults, seed: 7, only: [] })
    assert.deepStrictEqual(settings.only, [])
  })
})

const values: Readonly<
  Record<keyof typeof options, readonly [value: string, member: string, meaning: unknown]>
> = {
  nodes: ["1000", "nodes", 1_000],
  for: ["10m", "forMillis", 600_000],
  calm: ["5s", "calmMillis", 5_000],
  seed: ["4294967295", "seed", Option.some(4_294_967_295)],
  order: ["fifo", "order", "fifo"],
  "max-peers": ["16", "limits", { ...Limits.defaults, peers: 16, peersReserved: 2 }],
  faults: ["loss,crash", "kinds", ["loss", "crash"]],
  loss: ["5%", "loss", 0.05],
  delay: ["250", "delayMillis", 250],
  partition: ["10s..20s", "partitions", [[10_000, 20_000]]],
  crash: ["3", "crashes", 3],
  keep: ["2,1", "keep", Option.some([1, 2])],
  seeds: ["200", "seeds", 200],
  jobs: ["2", "jobs", Option.some(2)],
  twice: ["", "twice", true],
  quiet: ["", "quiet", true],
  events: ["ndjson", "events", "ndjson"],
  timeline: ["a.svg", "timeline", Option.some("a.svg")],
  "log-level": ["WARNING", "logLevel", "warn"],
  discovery: ["off", "discovery", undefined],
  "disc-port": ["4000", "discovery", { ...DiscoveryConfig.defaults, port: 4_000 }],
  "disc-mode": ["multicast", "discovery", { ...DiscoveryConfig.defaults, mode: "multicast" }],
  "disc-interval": ["100", "discovery", { ...DiscoveryConfig.defaults, intervalMillis: 100 }],
  bootstrap: ["on", "bootstrap", {
    intervalMillis: 15_000,
    announce: true,
    limit: 20,
    advertise: Option.none(),
    linkLocal: false
  }],
  "boot-interval": ["1.5", "bootstrap", {
    intervalMillis: 1_500,
    announce: true,
    limit: 20,
    advertise: Option.none(),
    linkLocal: false
  }],
  announce: ["off", "bootstrap", {
    intervalMillis: 15_000,
    announce: false,
    limit: 20,
    advertise: Option.none(),
    linkLocal: false
  }]
}

/** What an option needs beside it. */
const beside: Readonly<Record<string, string>> = {
  keep: "--seed 1 --crash 2",
  discovery: "--bootstrap on",
  "boot-interval": "--bootstrap on",
  announce: "--bootstrap on"
}

describe.each(Object.entries(values))("--%s", (name, [value, member, meaning]) => {
  const table: Table = options
  const takesValue = table[name]?.value !== undefined
  const rest = beside[name] ?? ""

  it("is taken in both forms", () => {
    for (const line of takesValue ? [`--${name} ${value}`, `--${name}=${value}`] : [`--${name}`]) {
      const found: Readonly<Record<string, unknown>> = { ...parsed(`${line} ${rest}`) }
      assert.deepStrictEqual(found[member], meaning)
    }
  })

  it("is refused without its value, and with one that it does not take", () =>
    assert.lengthOf(problems(takesValue ? `${rest} --${name}` : `--${name}=yes`), 1))

  it("given twice is an error, unless it may be repeated", () => {
    const line = `--${name} ${value} --${name} ${value} ${rest}`
    if (table[name]?.repeatable === true) assert.deepStrictEqual(parsed(line).partitions.length, 2)
    else assert.deepStrictEqual(problems(line), [`--${name}: given more than once; expected once`])
  })
})

it.each([["500ms", 500], ["60s", 60_000], ["90", 90_000], ["1.5m", 90_000], ["1h", 3_600_000], ["1ms", 1]])(
  "--for %s is so many milliseconds",
  (text, millis) => assert.strictEqual(parsed(`--for ${text}`).forMillis, millis)
)

it.each([["5%", 0.05], ["0.05", 0.05], ["100%", 1], ["1", 1], ["0", 0], ["0.5%", 0.005]])(
  "--loss %s is that fraction",
  (text, fraction) => assert.strictEqual(parsed(`--loss ${text}`).loss, fraction)
)

it("--faults all are all that can happen", () => {
  assert.deepStrictEqual(parsed("--faults all --bootstrap on").kinds, kinds)
  assert.deepStrictEqual(parsed("--faults all").kinds, kinds.filter((kind) => kind !== "registry"))
  for (const kind of kinds) assert.deepStrictEqual(parsed(`--faults ${kind} --bootstrap on`).kinds, [kind])
  assert.deepStrictEqual(parsed("--faults none").kinds, [])
})

describe("mistakes", () => {
  it.each([
    ["--nodes 0", /^--nodes "0": expected a whole number from 1 to 1000$/],
    ["--nodes 1e2", /^--nodes "1e2": expected/],
    ["--for 0s", /^--for "0s": expected a time from 1ms to 720h, such as 500ms, 60s, 10m or 1h$/],
    ["--for 60sec", /^--for "60sec": expected a time/],
    ["--for 721h", /^--for "721h": expected a time/],
    ["--calm 4s", /^--calm "4s": expected a time from 5s to 720h/],
    ["--seed 4294967296", /^--seed "4294967296": expected a whole number from 0 to 4294967295$/],
    ["--seed -1", /^--seed "-1": expected/],
    ["--order random", /^--order "random": expected seeded or fifo$/],
    ["--faults crsh", /^--faults "crsh": expected all, none, or kinds .* did you mean crash\?$/],
    ["--faults crash,", /^--faults "crash,": expected/],
    ["--faults all,crash", /^--faults "all,crash": expected/],
    ["--faults registry,crash", /^--faults "registry,crash": expected --bootstrap on too, for registry$/],
    ["--loss 5", /^--loss "5": expected a part such as 5% or 0\.05$/],
    ["--loss 101%", /^--loss "101%": expected a part/],
    ["--delay 60001", /^--delay "60001": expected milliseconds/],
    [
      "--partition 20s..10s",
      /^--partition "20s..10s": expected two times, the earlier first, such as 60s\.\.120s$/
    ],
    ["--partition 20s", /^--partition "20s": expected two times/],
    ["--partition 1..2..3", /^--partition "1..2..3": expected two times/],
    ["--partition 60s..120s", /^--partition "60s\.\.120s": expected to end within the time of --for$/],
    [
      "--for 5s --partition 1s..2s --partition=1s..9s --partition 3s..5s",
      /^--partition "1s\.\.9s": expected to end within the time of --for$/
    ],
    ["--partition 1..2 --nodes 1", /^--partition "1\.\.2": expected --nodes 2 at least$/],
    ["--crash many", /^--crash "many": expected/],
    ["--keep 0 --seed 1", /^--keep "0": expected numbers from 1 on/],
    ["--keep 1 --crash 1", /^--keep "1": expected --seed too/],
    ["--keep 3,4 --crash 2 --seed 7", /^--keep "3,4": expected numbers from 1 to 2, the faults of seed 7$/],
    ["--keep 99 --seed 7", /^--keep "99": expected faults, such as --faults all$/],
    ["--faults Crash", /did you mean crash\?$/],
    ["--faults crash,none", /^--faults "crash,none": expected .*: partition, flap, [a-z, ]+$/],
    ["--seeds 2 --keep 1 --seed 7 --crash 2", /^--keep "1": expected one seed, without --seeds$/],
    ["--seeds 2 --timeline a.svg", /^--timeline "a.svg": expected one seed, without --seeds$/],
    ["--seeds 2 --seed 4294967295", /^--seeds "2": expected seeds up to 4294967295, from --seed on$/],
    ["--jobs 0", /^--jobs "0": expected/],
    ["--discovery off", /^--discovery "off": expected --bootstrap on, or nobody finds anybody$/],
    ["--discovery off --bootstrap on --announce off", /^--announce "off": expected --discovery on/],
    ["--discovery off --bootstrap on --disc-port 4000", /^--disc-port "4000": expected --discovery on$/],
    ["--boot-interval 5", /^--boot-interval "5": expected --bootstrap on too$/],
    ["--announce on", /^--announce "on": expected --bootstrap on too$/],
    ["--log-level loud", /^--log-level "loud": expected trace/],
    ["--node 5", /^--node: unknown option; did you mean --nodes\?$/],
    ["5", /^"5": unexpected argument/]
  ])("%s is refused", (line, message) => {
    const [problem = "", ...more] = problems(line)
    assert.match(problem, message)
    assert.lengthOf(more, 0)
  })

  it("are told all at once", () =>
    assert.lengthOf(problems("--nodes x --for y --faults z --loss 2 --bogus --seeds 2 --timeline a.svg"), 6))
})

describe("the faults of a seed", () => {
  const line =
    "--for 30s --loss 5% --delay 100 --partition 5s..10s --partition 10s..15s --crash 3 --faults loss,freeze"
  const faults = (more: string, seed: number) => numbered(parsed(`${line} ${more}`), seed)

  it("are the same for the same seed, and others for another", () => {
    assert.deepStrictEqual(faults("", 7), faults("", 7))
    assert.notDeepEqual(faults("", 7), faults("", 8))
  })

  it("are those that the line names, within its time", () => {
    const all = faults("", 7).map(({ fault }) => fault)
    assert.deepStrictEqual(all.slice(0, 7).map(({ kind }) => kind), [
      "loss",
      "delay",
      "partition",
      "partition",
      "crash",
      "crash",
      "crash"
    ])
    assert.deepInclude(all[0], { fromMillis: 0, toMillis: 30_000, fraction: 0.05 })
    assert.deepInclude(all[1], { fromMillis: 0, toMillis: 30_000, millis: 100 })
    assert.deepInclude(all[2], { fromMillis: 5_000, toMillis: 10_000, oneWay: false })
    for (const fault of all) {
      assert.isBelow(fault.fromMillis, fault.toMillis)
      assert.isAtMost(fault.toMillis, 30_000)
      if (fault.kind !== "partition") continue
      assert.lengthOf(fault.hosts, 5)
      assert.sameMembers([...fault.hosts, ...fault.others], [...Simulation.namesOf(10)])
    }
  })

  it("keep their numbers when some are left out", () => {
    const all = faults("", 7)
    assert.deepStrictEqual(faults("--seed 7 --keep 2,5", 7), all.filter((_, at) => at === 1 || at === 4))
  })
})

describe("the command that repeats a seed", () => {
  it("has every setting that is not the default, and nothing that only changes what is seen", () =>
    assert.strictEqual(
      commandOf(
        words(
          "--seeds 9 --seed 3 --jobs 2 --quiet --events ndjson --nodes=4 --for 60s --partition 1s..2s --partition 3s..4s --bootstrap on"
        ),
        7
      ),
      "vix simulate --seed 7 --nodes 4 --partition 1s..2s --partition 3s..4s --bootstrap on"
    ))

  it("keeps the faults that matter", () => {
    const argv = words("--seed 7 --for 30s --crash 3 --keep 1,2,3")
    assert.strictEqual(
      commandOf(argv, 7, { numbers: [1, 3], forMillis: 30_000 }),
      "vix simulate --seed 7 --for 30s --crash 3 --keep 1,3"
    )
    assert.strictEqual(
      commandOf(argv, 7, { numbers: [], forMillis: 7_500 }),
      "vix simulate --seed 7 --for 7500ms"
    )
  })

  it("is one that parses to the same world, whatever the line", () => {
    for (const [name, [value]] of Object.entries(values)) {
      const line = `--${name} ${value} ${beside[name] ?? ""}`
      const [, , ...argv] = words(commandOf(words(line), 1))
      assert.deepStrictEqual(settingsOf(Either.getOrThrow(tryParse(argv)), 1), settingsOf(parsed(line), 1))
    }
    assert.sameMembers(Object.keys(values), [...namesOf(options)])
  })
})
