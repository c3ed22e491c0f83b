import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as BackOff from "../../src/domain/BackOff.js"
import { Guard } from "../../src/domain/Guard.js"
import * as Limits from "../../src/domain/Limits.js"
import * as PeerId from "../../src/domain/PeerId.js"
import { PeerTable } from "../../src/domain/PeerTable.js"
import * as SessionRule from "../../src/domain/SessionRule.js"
import type { Core } from "../../src/internal/core.js"
import * as Datagrams from "../../src/internal/datagrams.js"
import { Exchange } from "../../src/internal/exchange.js"
import { Hub } from "../../src/internal/hub.js"
import * as Inbound from "../../src/internal/inbound.js"
import * as Lifecycle from "../../src/internal/lifecycle.js"
import { drop, Link } from "../../src/internal/link.js"
import { Received } from "../../src/internal/received.js"
import * as Aead from "../../src/protocol/Aead.js"
import * as Crypto from "../../src/protocol/Crypto.js"
import * as IdentityCheck from "../../src/protocol/IdentityCheck.js"
import type { Law } from "../../src/simulation/Laws.js"
import { Host } from "../../src/simulation/Network.js"
import * as Run from "../../src/simulation/Run.js"
import * as Simulation from "../../src/simulation/Simulation.js"
import { Station } from "../../src/simulation/Station.js"
import { World } from "../../src/simulation/World.js"

/** A small world in which defects show soon. */
const small: Simulation.Settings = {
  ...Simulation.defaults,
  nodes: 3,
  forMillis: 10_000,
  calmMillis: 40_000,
  variety: false
}

interface Defect {
  readonly name: string
  /** Breaks something, until all mocks are restored. */
  readonly plant: () => void
  /** The laws one of which it breaks. */
  readonly breaks: ReadonlyArray<Law>
  readonly settings?: Partial<Simulation.Settings>
}

const within = 200

/** A fiber of the node that is begun for each connection that becomes a session. */
const afterEstablished = (work: (core: Core, link: Link) => Effect.Effect<unknown>) => {
  const { establish } = Lifecycle
  vi.spyOn(Lifecycle, "establish").mockImplementation((core, link, proven) => {
    establish(core, link, proven)
    const refs = (link.worker ?? assert.fail("nobody works for it")).getFiberRefs()
    Runtime.runFork(Runtime.make({ ...Runtime.defaultRuntime, fiberRefs: refs }))(work(core, link), {
      immediate: false
    })
  })
}

/** Two nodes that begin to hear each other, so far apart that each dials before it hears of the other's dial. */
const colliding: Partial<Simulation.Settings> = {
  nodes: 2,
  path: { latencyMicros: 900_000 },
  only: [{
    kind: "partition",
    fromMillis: 0,
    toMillis: 5_000,
    hosts: ["n1"],
    others: ["n2"],
    oneWay: false
  }],
  node: { limits: { ...Limits.defaults, deferMillis: 0, arrivalMillis: 0 } }
}

/** The key that a node has under the first seed. */
const keyOf = (name: string): PeerId.PeerId => {
  const world = new World({ seed: 0, order: "seeded" })
  const secret = Station.identityOf(world, new Host(name, []), undefined).bytes(Crypto.keyBytes)
  return PeerId.fromKey(Crypto.keyPair("Ed25519", secret).publicKey)
}

const forever = Effect.async<never>(() => {})

const defects: ReadonlyArray<Defect> = [
  {
    name: "the dedupe is dropped: an endpoint is dialled though a dial to it is in flight",
    breaks: ["dedupe"],
    settings: { only: [{ kind: "delay", fromMillis: 0, toMillis: 10_000, millis: 900 }] },
    plant: () => {
      const { ask } = Guard.prototype
      vi.spyOn(Guard.prototype, "ask").mockImplementation(function(this: Guard, endpoint, source, peer, now) {
        const judgement = ask.call(this, endpoint, source, peer, now)
        return this.explain(endpoint, now)?.inFlight === true
          ? { verdict: "dial", retryInMillis: 0 }
          : judgement
      })
    }
  },
  {
    name: "the deadline of the handshake is not cancelled: it ends a session that lives",
    breaks: ["liveness"],
    settings: { node: { limits: { ...Limits.defaults, handshakeMillis: 2_000 } } },
    plant: () =>
      afterEstablished((core, link) =>
        Effect.sleep(core.limits.handshakeMillis).pipe(
          Effect.zipRight(Effect.sync(() => link.end(drop("HandshakeTimeout"))))
        )
      )
  },
  {
    name: "the deadline's timer stays when the handshake is done",
    breaks: ["nothing left"],
    plant: () =>
      afterEstablished((core) =>
        Effect.sync(() => void Effect.runFork(core.clock.sleep(Duration.hours(1)), { immediate: true }))
      )
  },
  {
    name: "a fiber is left for each connection",
    breaks: ["nothing left"],
    plant: () => afterEstablished(() => forever)
  },
  {
    name: "a fiber dies for each connection",
    breaks: ["no defect"],
    plant: () => afterEstablished(() => Effect.die("planted"))
  },
  {
    name: "the socket of the beacons is never closed",
    breaks: ["nothing left"],
    plant: () => {
      const { discovery } = Datagrams
      vi.spyOn(Datagrams, "discovery").mockImplementation((system) =>
        discovery({
          ...system,
          open: (port, hear) =>
            Effect.flatMap(Scope.make(), (scope) => Scope.extend(system.open(port, hear), scope))
        })
      )
    }
  },
  {
    name: "a message is lost now and then",
    breaks: ["messages"],
    plant: () => {
      const { data } = Exchange.prototype
      let count = 0
      vi.spyOn(Exchange.prototype, "data").mockImplementation(function(this: Exchange, ...message) {
        if (++count % 3 > 0) data.apply(this, message)
      })
    }
  },
  {
    name: "messages come under the name of another",
    breaks: ["messages"],
    plant: () => {
      const { deliver } = Hub.prototype
      vi.spyOn(Hub.prototype, "deliver").mockImplementation(function(this: Hub<unknown>, items) {
        for (const item of items) {
          if (item instanceof Received) Object.defineProperty(item, "from", { value: "f".repeat(64) })
        }
        return deliver.call(this, items)
      })
    }
  },
  {
    name: "the second session is accepted beside the first",
    breaks: ["one session", "counters"],
    settings: { only: [{ kind: "crash", fromMillis: 4_000, toMillis: 5_000, host: "n1", power: true }] },
    plant: () => {
      const { end } = Link.prototype
      vi.spyOn(Link.prototype, "end").mockImplementation(function(this: Link, ending) {
        if (ending.goodbye !== "Replaced") end.call(this, ending)
      })
    }
  },
  {
    name: "the second session always wins",
    breaks: ["liveness"],
    settings: colliding,
    plant: () => {
      vi.spyOn(SessionRule, "decide").mockReturnValue({ _tag: "Accept", restarted: false })
    }
  },
  {
    name: "the second session is always refused",
    breaks: ["liveness"],
    settings: colliding,
    plant: () => {
      const { decide } = SessionRule
      vi.spyOn(SessionRule, "decide").mockImplementation((current, ...rest) =>
        current === undefined ? decide(current, ...rest) : { _tag: "Duplicate" }
      )
    }
  },
  {
    name: "seen_seq is left out",
    breaks: ["liveness"],
    // With Pings this rare nobody notices by itself that the other end has lost the session.
    settings: {
      nodes: 2,
      forMillis: 6_000,
      calmMillis: 15_000,
      chatter: false,
      only: [{ kind: "reset", fromMillis: 5_000, toMillis: 5_400, everyMillis: 1_000 }],
      node: { limits: { ...Limits.defaults, pingMillis: 30_000, staleMillis: 90_000 } }
    },
    plant: () => {
      vi.spyOn(SessionRule, "seenSeq").mockReturnValue(0n)
    }
  },
  {
    name: "the sending nonce moves before the tag is made",
    breaks: ["liveness"],
    plant: () => {
      const { sealInto } = Aead
      vi.spyOn(Aead, "sealInto").mockImplementation((key, nonce, ...rest) => {
        nonce[4] = ((nonce[4] ?? 0) + 1) & 0xff
        return sealInto(key, nonce, ...rest)
      })
    }
  },
  {
    name: "a handshake is counted before the peer is proven",
    breaks: ["counters"],
    plant: () => {
      const { accept } = Inbound
      vi.spyOn(Inbound, "accept").mockImplementation((core, link, connection) => {
        const later: Core = Object.create(core, {
          stats: {
            value: {
              ...core.stats,
              increment: (name: Parameters<Core["stats"]["increment"]>[0]) => {
                if (name !== "handshakes_completed") core.stats.increment(name)
              }
            }
          }
        })
        core.stats.increment("handshakes_completed")
        return accept(later, link, connection)
      })
    }
  },
  {
    name: "the back-off is lost",
    breaks: ["back-off"],
    settings: { kinds: ["crash", "partition", "reset"] },
    plant: () => {
      const { ask } = Guard.prototype
      vi.spyOn(Guard.prototype, "ask").mockImplementation(function(this: Guard, endpoint, source, peer, now) {
        const judgement = ask.call(this, endpoint, source, peer, now)
        // Asked as if it were over, so that the guard knows of the dial and nothing else is lost.
        return judgement.verdict === "backing off"
          ? ask.call(this, endpoint, source, peer, now + judgement.retryInMillis)
          : judgement
      })
    }
  },
  {
    name: "the back-off is too short",
    breaks: ["back-off"],
    settings: { kinds: ["crash", "partition", "reset"] },
    plant: () => {
      vi.spyOn(BackOff, "delayMillis").mockReturnValue(100)
    }
  },
  {
    name: "the allow-list is not asked",
    breaks: ["refused"],
    settings: { node: { allowed: Option.some(new Set([keyOf("n1"), keyOf("n2")])) } },
    plant: () => {
      const { check } = IdentityCheck
      vi.spyOn(IdentityCheck, "check").mockImplementation((proven, rules) =>
        check(proven, { ...rules, allowed: Option.none() })
      )
    }
  },
  {
    name: "the back-off never grows",
    breaks: ["back-off"],
    settings: {
      nodes: 2,
      forMillis: 40_000,
      only: [{
        kind: "partition",
        fromMillis: 0,
        toMillis: 40_000,
        hosts: ["n2"],
        others: ["n1"],
        oneWay: true
      }]
    },
    plant: () => {
      const { delayMillis } = BackOff
      vi.spyOn(BackOff, "delayMillis").mockImplementation((source, _, random, limits) =>
        delayMillis(source, 1, random, limits)
      )
    }
  },
  {
    name: "a peer too many is counted",
    breaks: ["counters"],
    plant: () => {
      const gauges = PeerTable.prototype.gauges
      vi.spyOn(PeerTable.prototype, "gauges").mockImplementation(function(this: PeerTable, now) {
        const { connected, total } = gauges.call(this, now)
        return { connected, total: connected === 2 ? total + 1 : total }
      })
    }
  },
  {
    name: "a session that ends stays in the table of peers",
    breaks: ["counters"],
    settings: { kinds: ["restart"] },
    plant: () => {
      vi.spyOn(PeerTable.prototype, "ended").mockReturnValue(true)
    }
  }
]

describe("planted defects", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  for (const { breaks, name, plant, settings } of defects) {
    it(name, { timeout: 120_000 }, async () => {
      // A pause in which the test runner can be told that all is well.
      const run = async (seed: number) => {
        await new Promise((resolve) => setImmediate(resolve))
        return Run.run({ ...small, ...settings, seed })
      }
      plant()
      let seed = 0
      let outcome = await run(seed)
      while (outcome.violation === undefined && ++seed < within) outcome = await run(seed)
      assert.include(breaks, outcome.violation?.law, `seed ${seed}: ${outcome.violation?.text}`)
      vi.restoreAllMocks()
      assert.strictEqual((await run(seed)).violation, undefined, `without the defect, seed ${seed}`)
    })
  }
})
