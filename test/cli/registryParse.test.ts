import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { parse } from "../../src/cli/registryParse.js"
import { words } from "./standIns.js"

const tryParse = (argv: ReadonlyArray<string>) => Effect.runSync(Effect.either(parse(argv)))
const parsed = (line: string) => Either.getOrThrow(tryParse(words(line)))
const problems = (line: string) => Either.getOrThrow(Either.flip(tryParse(words(line)))).problems

describe("a line without a word", () => {
  it("is a registry with a list in memory, on all addresses", () => {
    const { limits, server, ...rest } = parsed("")
    assert.deepStrictEqual(server, { host: Option.none(), port: 8_080, base: "" })
    assert.deepInclude(limits, { entries: 4_096, entriesPerHost: 32, entryMillis: 45_000 })
    assert.deepStrictEqual(rest, {
      store: Option.none(),
      trusted: [],
      runMillis: 0,
      quiet: false,
      events: "off",
      logLevel: Option.none()
    })
  })
})

describe("options", () => {
  it("are taken in both forms", () => {
    for (
      const line of ["--listen 0 --bind ::1 --ttl 1.5 --quiet", "--listen=0 --bind=[::1] --ttl=1.5 --quiet"]
    ) {
      const { limits, quiet, server } = parsed(line)
      assert.deepStrictEqual([server.port, server.host, limits.entryMillis, quiet], [
        0,
        Option.some("::1"),
        1_500,
        true
      ])
    }
    const { limits } = parsed("--limit 7 --limit-per-host 3")
    assert.deepStrictEqual([limits.entries, limits.entriesPerHost], [7, 3])
    assert.deepStrictEqual(parsed("--log-level ERR --run 2 --events ndjson").logLevel, Option.some("error"))
  })

  it("--trust-forwarded names one proxy or several", () =>
    assert.deepStrictEqual(parsed("--trust-forwarded 10.0.0.5 --trust-forwarded=[2001:db8::1]").trusted, [
      "10.0.0.5",
      "2001:db8::1"
    ]))

  it.each([["/", ""], ["/vix", "/vix"], ["/vix/", "/vix"], ["/a/b.c_d~e-f", "/a/b.c_d~e-f"], [
    "/...",
    "/..."
  ]])(
    "--base-path %s stands before the paths as %j",
    (text, base) => assert.strictEqual(parsed(`--base-path ${text}`).server.base, base)
  )

  it.each([
    "redis://127.0.0.1:6379",
    "redis://cache/",
    "redis://:50%25@[::1]:6379",
    "rediss://user:word@cache.example:6380/2"
  ])(
    "--store %s is a Redis",
    (url) => assert.deepStrictEqual(parsed(`--store ${url}`).store, Option.some(url))
  )

  it("--store memory is none", () => assert.deepStrictEqual(parsed("--store memory").store, Option.none()))
})

describe("mistakes", () => {
  it.each([
    ["--listen 65536", /^--listen "65536": expected a port from 0 to 65535$/],
    ["--base-path vix", /^--base-path "vix": expected a path such as \/vix/],
    ["--base-path /a/../b", /^--base-path "\/a\/\.\.\/b": expected a path/],
    ["--base-path /a//b", /expected a path/],
    ["--base-path /:id", /expected a path/],
    ["--base-path /*", /expected a path/],
    ["--ttl 0.5", /^--ttl "0.5": expected seconds from 1 to/],
    ["--limit 0", /^--limit "0": expected a whole number from 1 to/],
    ["--limit-per-host many", /^--limit-per-host "many": expected a whole number/],
    ["--store mongodb://x", /^--store "mongodb:\/\/x": expected memory, redis:\/\/host:port or rediss:/],
    ["--store redis", /expected memory, redis:/],
    ["--store redis://cache:6379?db=2", /^--store "redis:\/\/cache:6379\?db=2": expected .* no query$/],
    ["--store redis://cache:6379/two", /expected .* \/number for a database/],
    ["--store redis://user:50%@cache", /^--store "redis:\/\/…@cache": expected %25 for a %/],
    [
      "--trust-forwarded proxy.example",
      /^--trust-forwarded "proxy.example": expected an IPv4 or IPv6 address$/
    ],
    ["--quiet yes", /^"yes": unexpected argument/],
    ["--id A", /^--id: unknown option$/],
    ["--store", /^--store: its value is missing; expected --store <memory\|url>$/],
    ["--ttl 5 --ttl 6", /^--ttl: given more than once; expected once$/]
  ])("%s is refused", (line, message) => {
    const [problem = "", ...more] = problems(line)
    assert.match(problem, message)
    assert.lengthOf(more, 0)
  })

  it.each([
    "--store redis://user:secret@127.0.0.1:x",
    "--store=redis://user:secret@cache?x",
    "--store user:secret@cache:6379",
    "--store redis://user:sec/ret@s@cache",
    "--stor=redis://user:secret@cache",
    "--store:redis://user:secret@cache",
    "redis://user:secret@cache",
    "--quiet=redis://user:secret@cache"
  ])(
    "%s is told without user and password",
    (line) => assert.notMatch(problems(line).join(), /user|sec|ret@/)
  )

  it("are told all at once", () =>
    assert.lengthOf(
      problems("--listen x --ttl y --bogus --store z --trust-forwarded a --trust-forwarded b"),
      6
    ))
})
