/**
 * The laws that nodes have to keep whatever the world does to them, each with the name it is reported by.
 *
 * @since 0.1.0
 */
import { type Broken, broken, type Ledger, short } from "./Ledger.js"

/** Every law and what it says. @since 0.1.0 */
export const laws = {
  "legal states": "a connection goes through the states in their order, and is Closed once",
  "one session": "a node has at most one session with a peer",
  "same session": "both ends of a session name each other and the same session id, and nobody else does",
  peers: "the peers that a node shows are those it has a session with",
  counters: "the counters are what the events add up to",
  dedupe: "one dial at a time to an endpoint, and only automatic dials are dropped as duplicates",
  "back-off": "the back-off of an endpoint grows with its failures, and nobody dials it before that is over",
  caps: "no table grows beyond its limit",
  refused: "a peer that is denied, or not among the allowed ones, never gets a session",
  "nothing left": "a stopped node leaves no fiber, no timer and no socket",
  messages: "messages come whole, in order, once each, none left out, and from whom they name",
  "no defect": "nothing ends by a defect",
  rest: "the fibers of a node, and those of the program, come to rest",
  liveness: "once the faults have healed, all that may talk are connected",
  program: "the program that goes along with the nodes ends in time, and what it asserts holds"
} as const

/** @since 0.1.0 */
export type Law = keyof typeof laws

interface Claim {
  readonly node: string
  readonly ledger: Ledger
  readonly conn: number
  readonly direction: string
  readonly peer: string | undefined
}

/** Sessions that are remembered; those of long ago have no other end to come. */
const remembered = 65_536

/** Which two ends a session has. @since 0.1.0 */
export class Sessions {
  readonly #claims = new Map<string, ReadonlyArray<Claim>>()

  /** A node has a session of that id from now on. */
  opened(session: string, claim: Claim): Broken {
    const [first, second] = this.#claims.get(session) ?? []
    if (first === undefined) {
      this.#claims.set(session, [claim])
      const [oldest] = this.#claims.keys()
      if (this.#claims.size > remembered && oldest !== undefined) this.#claims.delete(oldest)
      return undefined
    }
    const text = `session ${short(session)} of ${claim.node} (connection ${claim.conn})`
    if (second !== undefined) {
      return broken("same session", `${text} is one of ${first.node} and ${second.node} already`)
    }
    this.#claims.set(session, [first, claim])
    if (first.direction === claim.direction) {
      return broken("same session", `${text} is ${claim.direction} at both of its ends`)
    }
    return first.peer === claim.ledger.key && claim.peer === first.ledger.key
      ? undefined
      : broken("same session", `${text} and ${first.node} do not name each other as its ends`)
  }
}
