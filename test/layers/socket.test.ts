import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as Net from "node:net"
import { vi } from "vitest"
import { acceptFrom, type Inlet } from "../../src/internal/socket.js"

const listening = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = Net.createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    return server
  }),
  (server) => Effect.sync(() => server.close())
)

const handleOf = (server: Net.Server) =>
  (server as unknown as {
    readonly _handle: { readonly onconnection: (failure: number, accepted: unknown) => void }
  })._handle

const dial = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.sync(() => Net.connect((server.address() as Net.AddressInfo).port, "127.0.0.1")),
    (socket) => Effect.sync(() => socket.destroy())
  )

describe("acceptFrom", () => {
  it.scopedLive("gives each connection as the only socket there is of it, one that waits for nothing to send", () =>
    Effect.gen(function*() {
      const server = yield* listening
      const undelayed = vi.spyOn(Object.getPrototypeOf(handleOf(server)), "setNoDelay")
      yield* Effect.addFinalizer(() => Effect.sync(() => undelayed.mockRestore()))
      let others = 0
      server.on("connection", () => others++)
      const accepted = new Promise<readonly [Net.Socket, Inlet]>((resolve) => {
        acceptFrom(server, (...given) => resolve(given))
      })
      const near = yield* dial(server)
      const [far, inlet] = yield* Effect.promise(() => accepted)
      yield* Effect.addFinalizer(() => Effect.sync(() => far.destroy()))
      assert.strictEqual(others, 0)
      assert.deepStrictEqual(undelayed.mock.calls, [[true]])
      assert.strictEqual(far.remotePort, near.localPort)
      const came = new Promise<string>((resolve) => {
        inlet.taker = {
          take: (bytes) => {
            resolve(Buffer.from(bytes).toString())
            return true
          }
        }
      })
      near.write("hello")
      yield* Effect.sleep(20)
      assert.strictEqual(far.bytesRead, 0)
      far.resume()
      assert.strictEqual(yield* Effect.promise(() => came), "hello")
    }))

  it.scopedLive("leaves a connection that could not be accepted to the server", () =>
    Effect.gen(function*() {
      const server = yield* listening
      let accepted = 0
      acceptFrom(server, () => accepted++)
      const failed = once(server, "error")
      handleOf(server).onconnection(-24, undefined)
      const [error] = yield* Effect.promise(() => failed)
      assert.strictEqual((error as NodeJS.ErrnoException).code, "EMFILE")
      assert.strictEqual(accepted, 0)
    }))

  it("says so if Node keeps a server's handle elsewhere", () => {
    assert.throws(
      () => acceptFrom(Net.createServer(), () => {}),
      "this version of Node keeps the handle of a server"
    )
  })
})
