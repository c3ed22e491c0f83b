import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import { levels } from "../../src/cli/level.js"
import { type Name, names, option, type ValueName } from "../../src/cli/options.js"
import type { Invocation } from "../../src/cli/parse.js"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { minimal, parsed, problems, tryParse, words } from "./standIns.js"

interface Row {
  /** What of the settings the option decides. */
  readonly of: (invocation: Invocation) => unknown
  readonly byDefault?: unknown
  readonly legal: ReadonlyArray<readonly [string, unknown]>
  readonly illegal: ReadonlyArray<string>
}

const notIntegers = [
  "0x10",
  "1e3",
  " 5",
  "5 ",
  "+5",
  "-5",
  "5.0",
  "",
  "five",
  "٣",
  "1_000",
  "NaN",
  "99999999999999999999"
]
const onOff = {
  legal: [["on", true], ["off", false]] as const,
  illegal: ["ON", "yes", "1", "true", "", "on "]
}

const table: Record<ValueName, Row> = {
  id: {
    of: ({ node }) => node.id,
    legal: [["A", "A"], ["node-1.example", "node-1.example"], ["ü".repeat(32), "ü".repeat(32)], [
      "a b",
      "a b"
    ], ["-x", "-x"]],
    illegal: ["", " A", "A ", "a\u0007b", "a\u202eb", "ü".repeat(33), "\ud800", "a\nb"]
  },
  listen: {
    of: ({ node }) => node.port,
    legal: [["0", 0], ["1", 1], ["9001", 9001], ["65535", 65_535]],
    illegal: ["65536", ...notIntegers]
  },
  connect: {
    of: ({ node }) => node.connect.map(String),
    byDefault: [],
    legal: [
      ["127.0.0.1:9001", ["127.0.0.1:9001"]],
      ["tcp://127.0.0.1:9001", ["127.0.0.1:9001"]],
      ["[::1]:9001", ["[::1]:9001"]],
      ["tcp://[fe80::1%eth0]:9001", ["[fe80::1%eth0]:9001"]],
      ["peer.example.org:1", ["peer.example.org:1"]]
    ],
    illegal: [
      "",
      "127.0.0.1",
      ":9001",
      "127.0.0.1:0",
      "127.0.0.1:65536",
      "::1:9001",
      "http://a:1",
      "a:b",
      "256.1.1.1:1"
    ]
  },
  "connect-delay": {
    of: ({ node }) => node.connectDelayMillis,
    byDefault: 0,
    legal: [["0", 0], ["1000", 1_000]],
    illegal: notIntegers
  },
  bind: {
    of: ({ node }) => Option.getOrNull(node.host),
    byDefault: null,
    legal: [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["[::1]", "::1"], ["localhost", "localhost"], [
      "::",
      "::"
    ]],
    illegal: ["", "127.0.0.1:9001", "1.2.3", "a/b", ":::"]
  },
  "max-peers": {
    of: ({ node }) => node.limits.peers,
    byDefault: 128,
    legal: [["1", 1], ["1000", 1_000]],
    illegal: ["0", ...notIntegers]
  },
  run: {
    of: ({ runMillis }) => runMillis,
    byDefault: 0,
    legal: [
      ["0", 0],
      ["0.0", 0],
      ["10", 10_000],
      ["0.5", 500],
      [".1", 100],
      ["1.1", 1_100],
      ["1.25", 1_250],
      ["0.0004", 1],
      ["0.0000000000000001", 1]
    ],
    illegal: ["-1", "1e3", "0x10", " 5", "", "1.", ".", "-.1", "ten", "9999999"]
  },
  "wait-peers": {
    of: ({ waitPeers }) => Option.getOrNull(waitPeers),
    byDefault: null,
    legal: [["1", 1], ["16", 16]],
    illegal: ["0", ...notIntegers]
  },
  "wait-timeout": {
    of: ({ waitMillis }) => waitMillis,
    byDefault: 30_000,
    legal: [["5", 5_000], ["0.1", 100], ["0.001", 1]],
    illegal: ["0", "0.0009", "-1", "soon", ""]
  },
  "ready-file": {
    of: ({ readyFile }) => Option.getOrNull(readyFile),
    byDefault: null,
    legal: [["/tmp/ready.json", "/tmp/ready.json"], ["a=b", "a=b"]],
    illegal: ["", "a\0b"]
  },
  "stats-every": {
    of: ({ statsMillis }) => statsMillis,
    byDefault: 1_000,
    legal: [["50", 50], ["500", 500]],
    illegal: ["49", "0", ...notIntegers]
  },
  tui: { of: ({ tui }) => Option.getOrNull(tui), byDefault: null, ...onOff },
  events: {
    of: ({ events }) => events,
    byDefault: "off",
    legal: [["off", "off"], ["ndjson", "ndjson"]],
    illegal: ["json", "on", ""]
  },
  "log-level": {
    of: ({ logLevel }) => Option.getOrNull(logLevel),
    byDefault: null,
    legal: [
      ...levels.map((level) => [level, level] as const),
      ["warning", "warn"],
      ["err", "error"],
      ["fatal", "critical"],
      ["none", "off"],
      ["DEBUG", "debug"],
      ["Warning", "warn"]
    ],
    illegal: ["", "verbose", "inf", "toString"]
  },
  discovery: { of: ({ discovery }) => discovery.enabled, byDefault: true, ...onOff },
  "disc-port": {
    of: ({ discovery }) => discovery.port,
    byDefault: 37_020,
    legal: [["1", 1], ["65535", 65_535]],
    illegal: ["0", "65536", ...notIntegers]
  },
  "disc-mode": {
    of: ({ discovery }) => discovery.mode,
    byDefault: "broadcast",
    legal: [["broadcast", "broadcast"], ["multicast", "multicast"]],
    illegal: ["unicast", ""]
  },
  "disc-interval": {
    of: ({ discovery }) => discovery.intervalMillis,
    byDefault: 2_000,
    legal: [["100", 100], ["5000", 5_000]],
    illegal: ["99", ...notIntegers]
  },
  iface: {
    of: ({ discovery }) => discovery.interfaces,
    byDefault: { include: [], exclude: [] },
    legal: [["lo", { include: ["lo"], exclude: [] }], ["!docker0", { include: [], exclude: ["docker0"] }]],
    illegal: ["", "!", "a b", "!!a", "a/b"]
  },
  advertise: {
    of: ({ bootstrap, discovery }) => [bootstrap.advertise, discovery.advertise].map(Option.getOrNull),
    byDefault: [null, null],
    legal: [["1", [1, 1]], ["65535", [65_535, 65_535]]],
    illegal: ["0", "65536", ...notIntegers]
  },
  bootstrap: {
    of: ({ bootstrap }) => bootstrap.enabled,
    byDefault: false,
    legal: [["off", false]],
    illegal: onOff.illegal
  },
  registry: {
    of: ({ bootstrap }) => Option.getOrNull(bootstrap.registry),
    byDefault: null,
    legal: [
      ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
      ["https://registry.example/base/", "https://registry.example/base"],
      ["HTTP://[::1]:8080/a/b", "http://[::1]:8080/a/b"]
    ],
    illegal: [
      "",
      "127.0.0.1:8080",
      "ftp://a",
      "http://",
      "http://a:99999",
      "http://u:p@a",
      "http://a/?q",
      "http://a/#f",
      "http:// a"
    ]
  },
  "boot-interval": {
    of: ({ bootstrap }) => bootstrap.intervalMillis,
    byDefault: 15_000,
    legal: [["1", 1_000], ["15", 15_000]],
    illegal: ["0", "0.9", "-1", "1e3", ""]
  },
  announce: { of: ({ bootstrap }) => bootstrap.announce, byDefault: true, ...onOff }
}

/** A line that is right but for the option under test. */
const others = (name: Name): ReadonlyArray<string> =>
  name === "id" ? ["--listen", "9001"] : name === "listen" ? ["--id", "A"] : words(minimal)

describe.each(Object.entries(table) as ReadonlyArray<[ValueName, Row]>)(
  "--%s",
  (name, { byDefault, illegal, legal, of }) => {
    const required = name === "id" || name === "listen"

    if (!required) {
      it("has its default", () => assert.deepStrictEqual(of(parsed(minimal)), byDefault))
    }

    it.each(legal)("takes %j, after a blank and after =", (text, value) => {
      for (const given of [[`--${name}`, text], [`--${name}=${text}`]]) {
        assert.deepStrictEqual(of(Either.getOrThrow(tryParse([...others(name), ...given]))), value)
        assert.deepStrictEqual(of(Either.getOrThrow(tryParse([...given, ...others(name)]))), value)
      }
    })

    it.each(illegal)("refuses %j and says what was given and expected", (text) => {
      for (const given of [[`--${name}`, text], [`--${name}=${text}`]]) {
        const [problem = "", ...more] = problems(...others(name), ...given)
        assert.deepStrictEqual(more, [])
        assert.match(problem, new RegExp(`^--${name} ".*": expected .+`, "s"))
        assert.notMatch(problem, /\p{Cc}|\p{Cf}/u)
      }
    })

    it("misses its value at the end of the line and before another option", () => {
      for (const argv of [[...others(name), `--${name}`], [`--${name}`, ...others(name)]]) {
        assert.include(
          problems(...argv),
          `--${name}: its value is missing; expected --${name} <${option(name).value}>`
        )
      }
    })

    it("is refused the second time, and told once, --connect and --iface apart", () => {
      const [text = ""] = legal[0] ?? []
      const argv = [...others(name), `--${name}`, text, `--${name}=${text}`, `--${name}`, text]
      if (name === "connect" || name === "iface") assert.isTrue(Either.isRight(tryParse(argv)))
      else assert.deepStrictEqual(problems(...argv), [`--${name}: given more than once; expected once`])
    })
  }
)

describe.each(
  [["quiet", ({ quiet }: Invocation) => quiet, false], [
    "no-connect",
    ({ node }: Invocation) => node.dialling,
    true
  ]] as const
)("--%s", (name, of, byDefault) => {
  it("is a switch", () => {
    assert.strictEqual(of(parsed(minimal)), byDefault)
    assert.strictEqual(of(parsed(`${minimal} --${name}`)), !byDefault)
    assert.strictEqual(of(parsed(`--${name} ${minimal}`)), !byDefault)
  })

  it("takes no value", () => {
    assert.deepStrictEqual(problems(...words(minimal), `--${name}=on`), [`--${name} "on": takes no value`])
    assert.deepStrictEqual(problems(...words(minimal), `--${name}`, "on"), [
      "\"on\": unexpected argument; every value follows its option"
    ])
  })

  it("is refused the second time", () =>
    assert.deepStrictEqual(problems(...words(minimal), `--${name}`, `--${name}`), [
      `--${name}: given more than once; expected once`
    ]))
})

it("the tables above know every option", () =>
  assert.sameMembers([...Object.keys(table), "quiet", "no-connect"], [...names]))

describe("a line", () => {
  it("without what is required says so", () => {
    for (const argv of [[], ["--id", "A"], ["--listen", "9001"]]) {
      assert.deepStrictEqual(problems(...argv), ["missing required options: --id and/or --listen"])
    }
  })

  it("with several mistakes has all of them told", () =>
    assert.deepStrictEqual(
      problems(
        "--id",
        "A",
        "--lisen",
        "9001",
        "--stats-every=10",
        "--tui",
        "maybe",
        "--connect",
        "x",
        "--connect=y",
        "extra"
      ),
      [
        "--lisen: unknown option; did you mean --listen?",
        "\"extra\": unexpected argument; every value follows its option",
        "--connect \"x\": expected host:port, tcp://host:port or [ipv6]:port, such as 127.0.0.1:9001",
        "--connect \"y\": expected host:port, tcp://host:port or [ipv6]:port, such as 127.0.0.1:9001",
        "--stats-every \"10\": expected milliseconds, a whole number from 50 to 2147483647",
        "--tui \"maybe\": expected on or off",
        "missing required options: --id and/or --listen"
      ]
    ))

  it.each([
    ["--conect", "connect"],
    ["--ID", "id"],
    ["--LISTEN", "listen"],
    ["-listen", "listen"],
    ["-Quiet", "quiet"],
    ["--no-conect", "no-connect"],
    ["--disc-prt", "disc-port"],
    ["--log-levl", "log-level"],
    ["--stat-every", "stats-every"]
  ])(
    "with %s is told the nearest flag",
    (flag, known) =>
      assert.deepStrictEqual(problems(...words(minimal), flag), [
        `${flag}: unknown option; did you mean --${known}?`
      ])
  )

  it.each(["--trust", "--bogus", "-x", "--", "---", "-5"])(
    "with %s, which is like none, is told no flag",
    (word) => assert.notInclude(problems(...words(minimal), word).join(), "did you mean")
  )

  it.each(["--identity", "-identity"])(
    "with %s, an unknown flag, has its value left alone",
    (flag) => assert.deepStrictEqual(problems(...words(minimal), flag, "file"), [`${flag}: unknown option`])
  )

  it.each([["👩\u200d🔧", "👩\\u{200d}🔧"], ["a\u2028b", "a\\u{2028}b"], ["a\tb", "a\\u{9}b"]])(
    "with --id %j is told what characters a node id may not have",
    (id, shown) =>
      assert.deepStrictEqual(problems("--id", id, "--listen", "9001"), [
        `--id "${shown}": expected no control or format characters, such as those that join emoji, and no line separators`
      ])
  )

  it("with one unknown flag after another has both told", () =>
    assert.deepStrictEqual(problems(...words(minimal), "--bogus", "-x", "--trust", "--quiet"), [
      "--bogus: unknown option",
      "-x: unknown option",
      "--trust: unknown option"
    ]))

  it("with --log-level wrong lists the levels", () =>
    assert.deepStrictEqual(problems(...words(minimal), "--log-level", "loud"), [
      "--log-level \"loud\": expected trace, debug, info, warn, error, critical or off"
    ]))

  it("with --bootstrap on needs --registry", () =>
    assert.deepStrictEqual(problems(...words(minimal), "--bootstrap", "on"), [
      "--bootstrap \"on\": expected --registry too, such as --registry http://127.0.0.1:8080"
    ]))

  it("with a password in an address does not tell it", () =>
    assert.deepStrictEqual(
      problems(...words(minimal), "--registry", "http://user:secret@a", "--connect", "tcp://user:secret@b:1"),
      [
        "--connect \"tcp://…@b:1\": expected host:port, tcp://host:port or [ipv6]:port, such as 127.0.0.1:9001",
        "--registry \"http://…@a\": expected http://host:port or https://host:port, a path if need be, no query and no password"
      ]
    ))

  it("with one endpoint twice connects to it once", () =>
    assert.deepStrictEqual(
      parsed(`${minimal} --connect 127.0.0.1:1 --connect tcp://127.0.0.1:1 --connect=[::1]:2`).node.connect,
      [Endpoint.make("127.0.0.1", 1), Endpoint.make("::1", 2)]
    ))

  const registry = "--registry http://127.0.0.1:8080"
  it.each([
    [registry, ["--registry: not used without --bootstrap on"]],
    ["--boot-interval 5 --announce off", [
      "--boot-interval: not used without --bootstrap on",
      "--announce: not used without --bootstrap on"
    ]],
    ["--discovery off --disc-port 1 --disc-mode broadcast --disc-interval 100 --iface lo --iface eth0", [
      "--disc-port: not used with --discovery off",
      "--disc-mode: not used with --discovery off",
      "--disc-interval: not used with --discovery off",
      "--iface: not used with --discovery off"
    ]],
    ["--discovery off --advertise 1", [
      "--advertise: not used without --discovery on or a registry to announce to"
    ]],
    [`--discovery off --bootstrap on ${registry} --announce off --advertise 1`, [
      "--advertise: not used without --discovery on or a registry to announce to"
    ]],
    ["--wait-timeout 5", ["--wait-timeout: not used without --wait-peers"]],
    ["--connect-delay 5", ["--connect-delay: not used without --connect"]],
    ["--connect-delay 5 --no-connect", ["--connect-delay: not used without --connect"]],
    ["--connect a:1 --no-connect --connect-delay 5", ["--connect-delay: not used with --no-connect"]],
    ["", []],
    ["--connect a:1 --no-connect", []],
    ["--connect a:1 --connect-delay 5 --wait-peers 1 --wait-timeout 5", []],
    ["--disc-port 1 --iface lo --advertise 1", []],
    [`--discovery off --bootstrap on ${registry} --boot-interval 5 --announce on --advertise 1`, []]
  ])(
    "with %j has a notice for each option that is not used",
    (line, notices) => assert.deepStrictEqual(parsed(`${minimal} ${line}`).notices, notices)
  )

  it("takes interfaces to use and to leave out together", () =>
    assert.deepStrictEqual(
      parsed(`${minimal} --iface lo --iface=!docker0 --iface eth0`).discovery.interfaces,
      {
        include: ["lo", "eth0"],
        exclude: ["docker0"]
      }
    ))

  it("keeps part of a small table of peers for those we choose", () => {
    assert.strictEqual(parsed(minimal).node.limits.peersReserved, 16)
    assert.strictEqual(parsed(`${minimal} --max-peers 8`).node.limits.peersReserved, 1)
    assert.strictEqual(parsed(`${minimal} --max-peers 1`).node.limits.peersReserved, 0)
  })

  it("of any words at all is parsed or refused with harmless words", () => {
    const word = fc.oneof(
      fc.constantFrom(...names.map((name) => `--${name}`), "--", "-", "--=", "=", "--id=", "on", "9001", "A"),
      fc.string({ unit: "binary" })
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (argv) => {
        const result = tryParse(argv)
        if (Either.isRight(result)) return
        for (const problem of result.left.problems) {
          assert.notMatch(problem, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        }
      }),
      { numRuns: 500 }
    )
  })
})
