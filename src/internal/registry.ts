/**
 * A registry as one node sees it, and what can go wrong with it.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { Announcement } from "../protocol/RegistryMessage.js"

const texts = {
  Unreachable: "no connection to it; is it running, and is its address right?",
  NotTls: "it speaks no TLS there; is its address one with http:// and not https://?",
  Timeout: "no whole answer in the time it has; is its address right?",
  Truncated: "its answer broke off",
  Redirected: "it sends us to another address; give that one if it can be trusted",
  Refused: "it refuses; is this the address of a registry, its base path included?",
  TooLarge: "its answer is too large for a registry",
  Malformed: "its answer is not that of a registry"
} as const

/** A request that a registry did not serve. */
export class RegistryError extends Data.TaggedError("RegistryError")<{
  readonly reason: keyof typeof texts
  /** A code of the system, or the status of HTTP. */
  readonly detail?: string
  /** Milliseconds for which the registry asked to be left alone. */
  readonly retryAfterMillis?: number
  /** Whether it may still serve a request of another kind. */
  readonly serves?: boolean
}> {
  override get message(): string {
    return this.detail === undefined ? texts[this.reason] : `${texts[this.reason]} (${this.detail})`
  }
}

export interface Registry {
  readonly announce: (announcement: Announcement) => Effect.Effect<void, RegistryError>
  /** Asks for at most `limit` entries; what comes is not checked. */
  readonly peers: (limit: number) => Effect.Effect<ReadonlyArray<unknown>, RegistryError>
  readonly leave: (announcement: Announcement) => Effect.Effect<void, RegistryError>
}
