/**
 * Every reason a connection can change or end for: the one table behind error tags, events, back-off classes,
 * Close codes and the documentation.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * What a reason means to whoever dialled: `none` is no failure, `failure` is retried after the usual back-off,
 * `permanent` needs a person and gets the longest one.
 *
 * @since 0.1.0
 */
export type ReasonClass = "none" | "failure" | "permanent"

/** One row of the table. @since 0.1.0 */
export interface Entry {
  readonly class: ReasonClass
  /** The Close code that carries this reason over the wire, where one does. */
  readonly code?: number
  /** What happened and, where somebody can do something, what. */
  readonly text: string
}

const rows = {
  // Progress: a change that is no end.
  Dialling: { class: "none", text: "a dial began" },
  TcpEstablished: { class: "none", text: "the TCP connection stands" },
  Accepted: { class: "none", text: "the peer dialled us" },
  Established: { class: "none", text: "the handshake is complete" },
  Silence: { class: "none", text: "nothing was heard from the peer" },
  Heard: { class: "none", text: "the peer was heard again" },

  // Ends that nobody is to blame for.
  Stopped: { class: "none", text: "this node stopped" },
  NotDialling: { class: "none", text: "this node dials nobody (--no-connect, or `dialling: false`)" },
  Disconnected: { class: "none", text: "this side ended the session" },
  Shutdown: { class: "none", code: 1, text: "the peer said goodbye" },
  Duplicate: { class: "none", code: 2, text: "another session with this peer is in force" },
  Replaced: { class: "none", code: 3, text: "a newer session with this peer took over" },
  SelfConnection: {
    class: "none",
    code: 4,
    text: "this endpoint is this very node; it is not dialled again"
  },

  // What somebody has to set right.
  DuplicateIdentity: {
    class: "permanent",
    code: 5,
    text: "another node runs with the same key; give each node a key of its own"
  },
  NotAllowed: {
    class: "permanent",
    code: 7,
    text: "refused by a deny-list or allow-list; have this peer's key added"
  },
  IdentityMismatch: {
    class: "permanent",
    code: 8,
    text: "the peer's key is not the one expected for it; find out why before trusting the new one"
  },

  // Failures worth another try.
  NodeIdConflict: {
    class: "failure",
    code: 6,
    text: "another live node has this node id; give each node an --id of its own"
  },
  TooManyPeers: {
    class: "failure",
    code: 9,
    text: "no place for another peer, at this node or at the other; raise --max-peers (`limits.peers`) there"
  },
  ProtocolError: { class: "failure", code: 10, text: "a message broke the protocol" },
  RateLimited: { class: "failure", code: 11, text: "too many messages in a second" },
  SlowPeer: { class: "failure", code: 12, text: "the peer does not read what is sent to it" },
  Stale: { class: "failure", code: 13, text: "the peer stayed silent for too long" },
  Internal: { class: "failure", code: 14, text: "a defect in the node; please report it" },

  // The socket.
  ConnectionRefused: {
    class: "failure",
    text: "nothing listens there; start the other node first, or use --connect-delay"
  },
  ConnectionReset: { class: "failure", text: "the connection was reset" },
  ConnectionAborted: { class: "failure", text: "the connection was aborted by this host" },
  ConnectTimeout: { class: "failure", text: "no answer; check the address and any firewall between" },
  HostUnreachable: { class: "failure", text: "no way to that host" },
  NetworkUnreachable: { class: "failure", text: "no route to that network" },
  AddressNotAvailable: { class: "failure", text: "that address cannot be used from this host" },
  NameNotFound: { class: "failure", text: "the name has no address; check its spelling" },
  NameLookupFailed: { class: "failure", text: "the name service did not answer" },
  BrokenPipe: { class: "failure", text: "the connection was closed while writing" },
  TooManyOpenFiles: { class: "failure", text: "this process may open no more files; raise `ulimit -n`" },
  PermissionDenied: { class: "failure", text: "the system does not permit it" },
  PortInUse: { class: "failure", text: "the port is in use" },
  TransportFailed: { class: "failure", text: "the connection failed" },

  // The handshake.
  Busy: { class: "failure", text: "too many connections at once" },
  HandshakeTimeout: { class: "failure", text: "the handshake was not complete in time" },
  RemoteClosed: { class: "failure", text: "the peer closed the connection during the handshake" },
  LegacyPeer: { class: "failure", text: "the peer speaks version 1 of the protocol, without security" },
  Http: { class: "failure", text: "HTTP came instead of a handshake" },
  Tls: { class: "failure", text: "TLS came instead of a handshake" },
  Ssh: { class: "failure", text: "an SSH banner came instead of a handshake" },
  BadHeader: { class: "failure", text: "the bytes are not those of this protocol" },
  FrameLength: { class: "failure", text: "a frame of a length that cannot be" },
  Unexpected: { class: "failure", text: "a message that cannot come now" },
  NotMember: { class: "failure", text: "the peer does not hold this network's key" },
  BadKeyShare: { class: "failure", text: "a key share of low order" },
  Malformed: { class: "failure", text: "an identity that does not parse" },
  BadIdentityKey: { class: "failure", text: "an identity key of small order" },
  BadSignature: { class: "failure", text: "the identity is not proven by its signature" },
  Reflection: { class: "failure", text: "our own Hello came back to us" },
  ReplayedHello: { class: "failure", text: "a Hello that was seen before" },

  // The session.
  ReplayOrReorder: { class: "failure", text: "a frame that was repeated, skipped or moved" },
  DecryptFailed: { class: "failure", text: "a frame that was changed on the way" },
  Truncated: { class: "failure", text: "the connection ended without a goodbye" }
} as const satisfies Record<string, Entry>

/** The name of a reason. @since 0.1.0 */
export type Reason = keyof typeof rows

/** The table itself, one row a reason. @since 0.1.0 */
export const table: Readonly<Record<Reason, Entry>> = rows

/** All reasons, in the order of the table. @since 0.1.0 */
export const all = Object.keys(rows) as ReadonlyArray<Reason>

/** A reason in events and errors. @since 0.1.0 */
export const Reason: Schema.Schema<Reason> = Schema.Literal(...all)

/** The class of a reason, as the one who dialled sees it. @since 0.1.0 */
export const classOf = (reason: Reason): ReasonClass => table[reason].class

/** What a person is told. @since 0.1.0 */
export const textOf = (reason: Reason): string => table[reason].text

/** A reason that a Close frame can carry. @since 0.1.0 */
export type CloseReason = {
  [R in Reason]: (typeof rows)[R] extends { readonly code: number } ? R : never
}[Reason]

/** The Close code of a reason. @since 0.1.0 */
export const codeOf = (reason: CloseReason): number => rows[reason].code

const byCode = new Map(all.flatMap((reason) => {
  const code = table[reason].code
  return code === undefined ? [] : [[code, reason as CloseReason] as const]
}))

/** The reason of a Close code; a code that this version does not know ends the session as `ProtocolError`. @since 0.1.0 */
export const fromCode = (code: number): CloseReason => byCode.get(code) ?? "ProtocolError"
