/**
 * What a registry remembers: the nodes that announced themselves, each until its time is over.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Endpoint from "../domain/Endpoint.js"
import type { RegistryLimits } from "../domain/RegistryLimits.js"
import type { Entry } from "../protocol/RegistryMessage.js"

/** The store did not do what it was asked. @since 0.1.0 */
export class StoreError extends Data.TaggedError("StoreError")<{
  /** Where it is, without a password. */
  readonly store: string
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the store at ${this.store} is out of reach (${why})`
  }
}

/**
 * - `added`: it is listed from now on
 * - `refreshed`: it was listed; it is listed anew, under what it says of itself now
 * - `host full`: its host has as many entries as one may have; all addresses of an IPv6 network are one (`networkOf`)
 * - `full`: there is no room
 *
 * @since 0.1.0
 */
export type PutVerdict = "added" | "refreshed" | "host full" | "full"

/**
 * - `removed`: it is listed no more
 * - `absent`: it was not listed
 * - `foreign`: another host announced it, and it stays
 *
 * @since 0.1.0
 */
export type RemoveVerdict = "removed" | "absent" | "foreign"

/** How much a store takes, and for how long. @since 0.1.0 */
export type Bounds = Pick<RegistryLimits, "entries" | "entriesPerHost" | "entryMillis">

/** @since 0.1.0 */
export class RegistryStore extends Context.Tag("vix/RegistryStore")<RegistryStore, {
  /** Lists a node for `entryMillis` from now on, in place of what was listed of it. */
  readonly put: (entry: Entry) => Effect.Effect<PutVerdict, StoreError>
  /** Takes a node off the list, if `entry.host` is the one that announced it. */
  readonly remove: (entry: Entry) => Effect.Effect<RemoveVerdict, StoreError>
  /** As many nodes as there are, but at most `limit`, chosen by chance. */
  readonly list: (limit: number) => Effect.Effect<ReadonlyArray<Entry>, StoreError>
  /** How many nodes are listed. */
  readonly count: Effect.Effect<number, StoreError>
}>() {}

/**
 * What an entry is kept by, so that a node is listed once: its key or, of a node that names none, where it listens.
 *
 * @since 0.1.0
 */
export const nameOf = ({ host, key, tcp_port }: Entry): string =>
  key ?? Endpoint.make(host, tcp_port).toString()

/** How many entries a network may have, that of one host: its own is bound by nothing but the whole. @since 0.1.0 */
export const roomOf = (host: string, { entries, entriesPerHost }: Bounds): number =>
  Endpoint.isLoopback(host) ? entries : entriesPerHost
