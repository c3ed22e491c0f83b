/**
 * Every limit, timeout and queue of a node, each with its unit and the reason for its size. A node takes one
 * `Limits` record; tests shrink it instead of waiting.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface Limits {
  /** Milliseconds from the TCP connection to Connected: long for a slow link, short for one that drips. */
  readonly handshakeMillis: number
  /** Milliseconds a TCP dial, its name look-up included, may take: a lost SYN is repeated twice within it. */
  readonly dialMillis: number
  /** Inbound connections below Connected, in all: what strangers may occupy; the oldest silent one makes room. */
  readonly halfOpen: number
  /** The same for one address (loopback: none): one host cannot take every place. */
  readonly halfOpenPerAddress: number
  /** Established inbound sessions for one address (loopback: none): a household behind one router. */
  readonly inboundPerAddress: number
  /** New connections a second for one address (loopback: none). */
  readonly connectionsPerSecond: number
  /** How many of those may come at once. */
  readonly connectionsBurst: number
  /** HelloAcks a second (loopback: none): each costs a signature and two key agreements. */
  readonly helloAcksPerSecond: number
  /** How many of those may come at once. */
  readonly helloAcksBurst: number
  /** Addresses whose rates are remembered; the least recently seen goes first. */
  readonly addressesTracked: number
  /** Peers with a session: what a node of one core serves with ease. */
  readonly peers: number
  /** Of `peers`, those kept for outbound and pinned ones, so that strangers cannot cut a node off. */
  readonly peersReserved: number
  /** Peers remembered after their session ended; the oldest is forgotten first. */
  readonly lostPeers: number
  /** Milliseconds a lost peer is still counted in `peers_total`. */
  readonly lostPeerMillis: number
  /** Bytes waiting for one peer above which writers wait: a few round trips of a fast link. */
  readonly sendQueueSoftBytes: number
  /** Bytes waiting for one peer above which it is closed as SlowPeer. */
  readonly sendQueueHardBytes: number
  /** Milliseconds the oldest waiting byte may wait before its peer is closed as SlowPeer. */
  readonly sendQueueMillis: number
  /** Bytes of one application message, all parts, payload alone. */
  readonly messageBytes: number
  /** Bytes of messages one subscriber may leave untaken; what comes beyond is dropped and counted. */
  readonly mailboxBytes: number
  /** Events one subscriber may leave untaken; what comes beyond is dropped and counted. */
  readonly mailboxEvents: number
  /** Events kept from a node's start for its first subscriber, so that it misses nothing. */
  readonly earlyEvents: number
  /** Pings a peer may send in a second before it is closed as RateLimited: a hundred times the honest rate. */
  readonly pingsPerSecond: number
  /** Frames of unknown type a peer may send in a second before it is closed as RateLimited. */
  readonly ignoredPerSecond: number
  /** Milliseconds between two Pings to a peer (± 10 %). */
  readonly pingMillis: number
  /** Milliseconds of silence after which a peer is Stale: three Pings lost. */
  readonly staleMillis: number
  /** Ping intervals a Stale peer has left before it is closed. */
  readonly staleIntervals: number
  /** Milliseconds the holder of a disputed node id has to answer a Ping. */
  readonly idChallengeMillis: number
  /** Milliseconds a socket gets to drain after Close. */
  readonly closeMillis: number
  /** Milliseconds a stopping node gives all its peers together. */
  readonly stopMillis: number
  /** Hello keys remembered, so that a recorded Hello is refused. */
  readonly seenHellos: number
  /** Milliseconds a Hello key is remembered. */
  readonly seenHelloMillis: number
  /** Outbound connections below Connected above which a hint is not followed: a source of beacons can be forged. */
  readonly hintedDials: number
  /** Hints that wait for `deferMillis` at one time; what comes beyond is dropped, and comes again with the next beacon. */
  readonly hintsWaiting: number
  /** Endpoints the guard remembers; the least recently used goes first. */
  readonly endpoints: number
  /**
   * Milliseconds for which one of two nodes that hear each other lets the other dial first: the one with the greater
   * key, whose dial would give way anyway; and for which a node that has somebody to dial stays silent at its start.
   */
  readonly deferMillis: number
  /**
   * Milliseconds for which an automatic dial gives way to a connection that has just come in from the same host: it
   * is likely the same peer, and two handshakes at once cost one for nothing.
   */
  readonly arrivalMillis: number
  /** Milliseconds after an attempt within which an automatic wish for the same endpoint is a duplicate. */
  readonly dedupeMillis: number
  /** Milliseconds of the first back-off after a failed manual dial; doubles up to its cap. */
  readonly manualBackoffMillis: number
  /** Cap of the manual back-off, before jitter. */
  readonly manualBackoffCapMillis: number
  /** Milliseconds of the first back-off after a failed automatic dial; doubles up to its cap. */
  readonly automaticBackoffMillis: number
  /** Cap of the automatic back-off, before jitter. */
  readonly automaticBackoffCapMillis: number
  /** Jitter added to a back-off, as a fraction of it: spreads a herd. */
  readonly backoffJitter: number
  /** Milliseconds of Connected after which an endpoint's failures are forgotten. */
  readonly forgiveMillis: number
  /** A wanted endpoint that was lost is redialled after a random wait up to this many milliseconds. */
  readonly redialMillis: number
  /** Swaps of a peer's instance within `cloneMillis` after which two hosts are said to share a key. */
  readonly cloneSwaps: number
  /** Milliseconds over which `cloneSwaps` are counted. */
  readonly cloneMillis: number
  /** Beacons read in a second: a segment of a thousand nodes; what comes beyond is dropped unread. */
  readonly beaconsPerSecond: number
  /** How many of those may come at once. */
  readonly beaconsBurst: number
  /** The same for one address, so that one host cannot drown the others: a few hundred nodes on it. */
  readonly beaconsPerAddressPerSecond: number
  /** How many of those may come at once. */
  readonly beaconsPerAddressBurst: number
  /** Endpoints believed of one address (loopback and our own: no limit), for a source address can be forged. */
  readonly heardPerAddress: number
  /** Nodes remembered that were heard; the least recently heard goes first. */
  readonly heardNodes: number
  /** Milliseconds after which a node that is heard no more is forgotten: many beacons lost. */
  readonly heardMillis: number
  /** A beacon that greets a newcomer waits a random time up to this many milliseconds: many may greet it. */
  readonly beaconJitterMillis: number
  /** And up to this many milliseconds for each node that is heard: where there are few, few greet. */
  readonly beaconJitterPerNodeMillis: number
  /** Random share of the interval between two beacons, either way: keeps nodes from falling into step. */
  readonly beaconJitter: number
  /** Intervals without a beacon of another node after which that is said. */
  readonly silentIntervals: number
  /** Milliseconds a request to a registry may take, name look-up and body included: short for one that drips. */
  readonly registryRequestMillis: number
  /** Milliseconds a stopping node gives the registry to take its entry back. */
  readonly registryLeaveMillis: number
  /** Bytes of a registry's answer: some ten thousand entries. */
  readonly registryBytes: number
  /** Values of JSON in a registry's answer: the same entries, and no tower of brackets. */
  readonly registryValues: number
  /** Peers taken from one answer of a registry: twice as many as a node has places for. */
  readonly registryPeers: number
  /** Entries of one answer that are looked at: room for unfit ones, not for a second of work. */
  readonly registryEntries: number
  /** Random share of the interval between two visits to a registry, either way: spreads a herd. */
  readonly registryJitter: number
  /** Milliseconds up to which that interval doubles while the registry fails. */
  readonly registryBackoffCapMillis: number
  /** Milliseconds of a registry's `Retry-After` that are honoured: it cannot send a node away for good. */
  readonly registryRetryAfterMillis: number
  /** Dials in flight to what a registry named: it may name anything. */
  readonly registryDials: number
  /** How many of those begin in a second. */
  readonly registryDialsPerSecond: number
}

/**
 * The limits of a node in production.
 *
 * @since 0.1.0
 */
export const defaults: Limits = {
  handshakeMillis: 5_000,
  dialMillis: 5_000,
  halfOpen: 64,
  halfOpenPerAddress: 8,
  inboundPerAddress: 8,
  connectionsPerSecond: 5,
  connectionsBurst: 10,
  helloAcksPerSecond: 200,
  helloAcksBurst: 200,
  addressesTracked: 4_096,
  peers: 128,
  peersReserved: 16,
  lostPeers: 1_024,
  lostPeerMillis: 60_000,
  sendQueueSoftBytes: 256 * 1_024,
  sendQueueHardBytes: 1_024 * 1_024 + 64 * 1_024,
  sendQueueMillis: 10_000,
  messageBytes: 1_024 * 1_024,
  mailboxBytes: 1_024 * 1_024,
  mailboxEvents: 4_096,
  earlyEvents: 256,
  pingsPerSecond: 20,
  ignoredPerSecond: 20,
  pingMillis: 5_000,
  staleMillis: 15_000,
  staleIntervals: 2,
  idChallengeMillis: 2_000,
  closeMillis: 300,
  stopMillis: 300,
  seenHellos: 4_096,
  seenHelloMillis: 120_000,
  hintedDials: 32,
  hintsWaiting: 256,
  endpoints: 1_024,
  deferMillis: 100,
  arrivalMillis: 1_000,
  dedupeMillis: 900,
  manualBackoffMillis: 2_500,
  manualBackoffCapMillis: 12_000,
  automaticBackoffMillis: 2_000,
  automaticBackoffCapMillis: 15_000,
  backoffJitter: 0.2,
  forgiveMillis: 15_000,
  redialMillis: 2_500,
  cloneSwaps: 3,
  cloneMillis: 60_000,
  beaconsPerSecond: 1_000,
  beaconsBurst: 1_000,
  beaconsPerAddressPerSecond: 100,
  beaconsPerAddressBurst: 200,
  heardPerAddress: 8,
  heardNodes: 1_024,
  heardMillis: 60_000,
  beaconJitterMillis: 100,
  beaconJitterPerNodeMillis: 10,
  beaconJitter: 0.1,
  silentIntervals: 3,
  registryRequestMillis: 5_000,
  registryLeaveMillis: 300,
  registryBytes: 1_024 * 1_024,
  registryValues: 65_536,
  registryPeers: 256,
  registryEntries: 4_096,
  registryJitter: 0.1,
  registryBackoffCapMillis: 60_000,
  registryRetryAfterMillis: 600_000,
  registryDials: 8,
  registryDialsPerSecond: 2
}
