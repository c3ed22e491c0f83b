import { assert, describe, it } from "@effect/vitest"
import { BusyPoll, Conversation } from "../../src/internal/conversation.js"

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

const conversation = (millis = 0.25) => {
  const turns = loop()
  const poll = new BusyPoll(millis, turns)
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
    const { hear, turns } = conversation(Number.POSITIVE_INFINITY)
    for (let chunks = 0; chunks < 5; chunks++) hear(true)
    assert.isAtMost(turns.run(2_000), 1_002)
    assert.strictEqual(turns.asked, 0)
  })

  it("never polls without a time for it", () => {
    const { hear, turns } = conversation(0)
    for (let trips = 0; trips < 50; trips++) {
      hear(true)
      assert.strictEqual(turns.run(), 0)
    }
  })
})
