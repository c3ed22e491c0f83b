import { assert, describe, it } from "@effect/vitest"
import { reasonOf } from "../../src/internal/errno.js"

const failure = (code: string) => Object.assign(new Error(code), { code })

describe("errno", () => {
  it("has a reason for each failure that a network or a system brings", () => {
    const expected = {
      ECONNREFUSED: "ConnectionRefused",
      ECONNRESET: "ConnectionReset",
      ECONNABORTED: "ConnectionAborted",
      ETIMEDOUT: "ConnectTimeout",
      EHOSTUNREACH: "HostUnreachable",
      ENETUNREACH: "NetworkUnreachable",
      EADDRNOTAVAIL: "AddressNotAvailable",
      ENOTFOUND: "NameNotFound",
      EAI_AGAIN: "NameLookupFailed",
      EPIPE: "BrokenPipe",
      EMFILE: "TooManyOpenFiles",
      ENFILE: "TooManyOpenFiles",
      EADDRINUSE: "PortInUse",
      EACCES: "PermissionDenied",
      EPERM: "PermissionDenied"
    }
    for (const [code, reason] of Object.entries(expected)) assert.strictEqual(reasonOf(failure(code)), reason)
  })

  it("falls back for what is in no table", () => {
    for (const cause of [failure("EWHATEVER"), new Error("no code"), "text", null, undefined, { code: 7 }]) {
      assert.strictEqual(reasonOf(cause), "TransportFailed")
    }
  })

  it("takes the most telling failure of several addresses, in whatever order they failed", () => {
    const [refused, noRoute, silent] = ["ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT"].map(failure)
    assert.strictEqual(reasonOf(new AggregateError([noRoute, refused])), "ConnectionRefused")
    assert.strictEqual(reasonOf(new AggregateError([silent, refused, noRoute])), "ConnectionRefused")
    assert.strictEqual(reasonOf(new AggregateError([noRoute, silent])), "ConnectTimeout")
    assert.strictEqual(reasonOf(new AggregateError([])), "TransportFailed")
  })
})
