import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as Net from "node:net"
import * as Endpoint from "../../src/domain/Endpoint.js"
import { BusyPoll, Conversation } from "../../src/internal/conversation.js"
import { adopt, connection, Inlet } from "../../src/internal/socket.js"
import { read, write } from "../layers/connections.js"
import { bytes } from "../layers/Transport.contract.js"

/** A loop whose turns take a hundredth of a millisecond each, while anything asks for one. */
const loop = () => {
  let now = 0
  let waiting: Array<() => void> = []
  return {
    now: () => now,
    next: (call: () => void) => void waiting.push(call),
    get asked() {
      return waiting.length
    },
    pass: (millis: number) => {
      now += millis
    },
    /** Runs until the loop may sleep, or as many turns; says how many it were. */
    run: (most = 1_000) => {
      let turns = 0
      for (; waiting.length > 0 && turns < most; turns++) {
        const calls = waiting
        waiting = []
        now += 0.01
        for (const call of calls) call()
      }
      return turns
    }
  }
}

const conversation = () => {
  const turns = loop()
  const poll = new BusyPoll(0.25, turns)
  const one = new Conversation(poll)
  const hear = (answer: boolean, other = one) => {
    other.heard()
    if (answer) other.wrote()
  }
  return { turns, poll, hear }
}

describe("Conversation", () => {
  it("keeps the loop awake for a while once some answers in a row came at once", () => {
    const { hear, turns } = conversation()
    for (let chunks = 0; chunks < 4; chunks++) {
      hear(true)
      assert.strictEqual(turns.run(), 0)
      turns.pass(0.1)
    }
    hear(true)
    const awake = turns.run()
    assert.isAtLeast(awake, 24)
    assert.isAtMost(awake, 27)
  })

  it("stays awake from answer to answer, asking for one turn at a time", () => {
    const { hear, turns } = conversation()
    for (let chunks = 0; chunks < 4; chunks++) hear(true)
    for (let trips = 0; trips < 50; trips++) {
      turns.pass(0.05)
      hear(true)
      assert.strictEqual(turns.asked, 1)
      assert.strictEqual(turns.run(5), 5)
    }
  })

  it("waits for one that stops answering once", () => {
    const { hear, turns } = conversation()
    for (let chunks = 0; chunks < 5; chunks++) hear(true)
    assert.isAbove(turns.run(), 0)
    turns.pass(10)
    for (let chunks = 0; chunks < 4; chunks++) hear(true)
    assert.strictEqual(turns.run(), 0)
  })

  it("sleeps through a heartbeat: a Ping, its return with one of ours, and the return of that", () => {
    const { hear, turns } = conversation()
    for (let beats = 0; beats < 50; beats++) {
      hear(true)
      turns.pass(0.05)
      hear(false)
      assert.strictEqual(turns.run(), 0)
      turns.pass(5_000)
    }
  })

  it.each([
    { what: "what comes is not answered", answered: false, millis: 0.01 },
    { what: "answers take their time", answered: true, millis: 0.25 }
  ])("sleeps while $what", ({ answered, millis }) => {
    const { hear, turns } = conversation()
    for (let chunks = 0; chunks < 50; chunks++) {
      turns.pass(millis)
      hear(answered)
      assert.strictEqual(turns.run(), 0)
    }
  })

  it("tells connections apart", () => {
    const { hear, poll, turns } = conversation()
    const others = Array.from({ length: 50 }, () => new Conversation(poll))
    for (const other of others) {
      turns.pass(0.01)
      hear(true, other)
      assert.strictEqual(turns.run(), 0)
    }
  })

  it("polls for 10 ms at most", () => {
    const turns = loop()
    const one = new Conversation(new BusyPoll(Number.POSITIVE_INFINITY, turns))
    for (let chunks = 0; chunks < 5; chunks++) {
      one.heard()
      one.wrote()
    }
    assert.isAtMost(turns.run(2_000), 1_002)
    assert.strictEqual(turns.asked, 0)
  })

  it("never polls without a time for it", () => {
    const turns = loop()
    const one = new Conversation(new BusyPoll(0, turns))
    for (let trips = 0; trips < 50; trips++) {
      one.heard()
      one.wrote()
      assert.strictEqual(turns.run(), 0)
    }
  })

  it.scopedLive("is told of what a socket reads and writes", () =>
    Effect.gen(function*() {
      const loop = { asked: 0, now: () => 0, next: () => void loop.asked++ }
      const { far, near } = yield* sockets(new BusyPoll(0.25, loop))
      for (let chunks = 0; chunks < 10; chunks++) {
        yield* write(near, [bytes("said")])
        yield* read(far)
      }
      assert.strictEqual(loop.asked, 0)
      for (let chunks = 0; chunks < 10; chunks++) {
        yield* write(far, [bytes("answered")])
        yield* read(near)
        yield* write(near, [bytes("said")])
        yield* read(far)
      }
      assert.strictEqual(loop.asked, 1)
    }))
})

/** Two ends of a connection that keep the same loop awake. */
const sockets = Effect.fnUntraced(function*(poll: BusyPoll) {
  const server = Net.createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1")
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  yield* Effect.promise(() => once(server, "listening"))
  const { port } = server.address() as Net.AddressInfo
  const inlet = new Inlet()
  const socket = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true, onread: inlet })
  const [[accepted]] = yield* Effect.promise(() =>
    Promise.all([once(server, "connection"), once(socket, "connect")])
  )
  const farInlet = new Inlet()
  const adopted = adopt(accepted, farInlet)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      socket.destroy()
      adopted.destroy()
    })
  )
  const ends = { local: Endpoint.make("127.0.0.1", 1), remote: Endpoint.make("127.0.0.1", 2) }
  return { near: connection(socket, inlet, ends, poll), far: connection(adopted, farInlet, ends, poll) }
})
