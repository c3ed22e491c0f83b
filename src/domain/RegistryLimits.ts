/**
 * Every limit of a registry, each with its unit and the reason for its size. A registry takes one `RegistryLimits`
 * record; tests shrink it instead of waiting.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface RegistryLimits {
  /** Entries in all: what strangers may make the registry remember. */
  readonly entries: number
  /** Entries of one host (loopback: none), all of an IPv6 /56: a household behind one router takes no more places. */
  readonly entriesPerHost: number
  /** Milliseconds an entry lives after its announcement: a node may miss two of them at the usual interval. */
  readonly entryMillis: number
  /** Entries in an answer to a request that names no number. */
  readonly listed: number
  /** Entries in any answer: as many as a node takes from one. */
  readonly listedMost: number
  /** Bytes of a request's body: an announcement with sixteen capabilities of full length fits. */
  readonly bodyBytes: number
  /** Bytes of a request's head. */
  readonly headBytes: number
  /** Milliseconds a request may take to come in, head and body: short for one that drips. */
  readonly requestMillis: number
  /** Milliseconds a connection may stay open without a request. */
  readonly idleMillis: number
  /** Connections at one time; what comes beyond is dropped. */
  readonly connections: number
  /** Requests of one connection, after which it is closed: all that come with one read are served at once. */
  readonly requestsPerConnection: number
  /** Milliseconds the store may take to answer. */
  readonly storeMillis: number
  /** Requests that wait for a store that does not answer; what comes beyond is refused at once. */
  readonly storeQueue: number
  /** Longest wait between two tries to reach a lost store again, in milliseconds. */
  readonly storeRetryMillis: number
  /** Seconds after which a node that found no room may try again: one announcement later. */
  readonly retryAfterSeconds: number
  /** Bytes of output that its reader may leave standing; what comes beyond is dropped and counted. */
  readonly outputBytes: number
  /** Milliseconds a stopping registry gives the requests that are still open. */
  readonly stopMillis: number
}

/**
 * The limits of a registry in production.
 *
 * @since 0.1.0
 */
export const defaults: RegistryLimits = {
  entries: 4_096,
  entriesPerHost: 32,
  entryMillis: 45_000,
  listed: 20,
  listedMost: 256,
  bodyBytes: 4_096,
  headBytes: 8_192,
  requestMillis: 5_000,
  idleMillis: 5_000,
  connections: 1_024,
  requestsPerConnection: 16,
  storeMillis: 2_000,
  storeQueue: 1_024,
  storeRetryMillis: 2_000,
  retryAfterSeconds: 15,
  outputBytes: 1_024 * 1_024,
  stopMillis: 300
}
