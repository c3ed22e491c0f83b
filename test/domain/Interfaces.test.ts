import { assert, describe, it } from "@effect/vitest"
import * as Interfaces from "../../src/domain/Interfaces.js"

const lo = { name: "lo", address: "127.0.0.1", netmask: "255.0.0.0" }
const lan = { name: "eth0", address: "192.168.17.5", netmask: "255.255.240.0" }
const tunnel = { name: "tun0", address: "10.8.0.2", netmask: "255.255.255.255" }
const all = [lo, lan, tunnel]

describe("Interfaces", () => {
  it.each([
    [lo, "127.255.255.255"],
    [lan, "192.168.31.255"],
    [{ ...lan, netmask: "255.255.255.252" }, "192.168.17.7"],
    [{ ...lan, netmask: "255.255.255.254" }, undefined],
    [tunnel, undefined]
  ])("%o broadcasts to %s", (each, broadcast) => {
    assert.strictEqual(Interfaces.broadcastOf(each), broadcast)
  })

  it.each([
    ["127.8.9.10", true],
    ["192.168.16.1", true],
    ["192.168.31.254", true],
    ["192.168.32.1", false],
    ["10.8.0.2", true],
    ["10.8.0.1", false],
    ["8.8.8.8", false],
    ["::1", false],
    ["localhost", false]
  ])("%s is near: %s", (host, near) => {
    assert.strictEqual(Interfaces.isOnLink(all, host), near)
  })

  it.each([
    ["127.0.0.9", true],
    ["192.168.17.5", true],
    ["192.168.17.6", false]
  ])("%s is our own: %s", (host, own) => {
    assert.strictEqual(Interfaces.isOwn(all, host), own)
  })

  it("are selected by the names that are in and the names that are out", () => {
    const names = (include: ReadonlyArray<string>, exclude: ReadonlyArray<string>) =>
      Interfaces.select(all, { include, exclude }).map(({ name }) => name)
    assert.deepStrictEqual(names([], []), ["lo", "eth0", "tun0"])
    assert.deepStrictEqual(names(["eth0", "wlan0"], []), ["eth0"])
    assert.deepStrictEqual(names([], ["lo"]), ["eth0", "tun0"])
    assert.deepStrictEqual(names(["lo"], ["lo"]), [])
  })

  it("lead to a node that listens on their address, or on all", () => {
    for (const host of [undefined, "::", "0.0.0.0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"]) {
      assert.deepStrictEqual(Interfaces.reaching(all, host), all)
    }
    for (const host of ["192.168.17.5", "::ffff:192.168.17.5", "::ffff:c0a8:1105"]) {
      assert.deepStrictEqual(Interfaces.reaching(all, host), [lan])
    }
    for (const host of ["localhost", "LocalHost"]) {
      assert.deepStrictEqual(Interfaces.reaching(all, host), [lo])
    }
    assert.deepStrictEqual(Interfaces.reaching(all, "::1"), [])
  })
})
