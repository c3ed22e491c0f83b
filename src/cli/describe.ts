/** What people are told of an event on stderr. */
import * as Endpoint from "../domain/Endpoint.js"
import type { NodeEvent } from "../domain/NodeEvent.js"
import * as PeerState from "../domain/PeerState.js"
import { classOf, type Reason, textOf } from "../domain/Reason.js"
import { type Level, parse } from "./level.js"
import { printable } from "./text.js"

export interface Line {
  readonly level: Level
  readonly text: string
}

/** The log line of an event, or nothing if it has none. The text is safe to print. */
export const describe = (event: NodeEvent): Line | undefined => {
  switch (event.ev) {
    case "listening":
      return line(
        "info",
        `listening on ${where(event.address, event.port)}, PeerId ${short(event.key)}`
      )
    case "dial.verdict":
      return line(
        event.verdict === "limit" ? "warn" : "debug",
        `${event.source} dial to ${event.endpoint}: ${event.verdict}${wait(event.retryInMillis ?? 0)}`
      )
    case "dial.failed":
      return line(
        conflicts.has(event.reason) ? "debug" : severity(event.reason),
        `dial to ${event.endpoint} failed: ${why(event)}${wait(event.retryInMillis)}`
      )
    case "peer.state":
      return peerState(event)
    case "handshake.rejected":
      return line(
        event.peer === undefined
          ? unproven(event.reason)
          : conflicts.has(event.reason)
          ? "debug"
          : severity(event.reason),
        `refused ${event.peer === undefined ? "a connection" : who(event)} from ${event.endpoint}: ${
          textOf(event.reason)
        }`
      )
    case "peer.rtt":
      return line("trace", `${who(event)} answered in ${event.rttMillis.toFixed(1)} ms`)
    case "id.conflict":
      return line(
        "warn",
        `id conflict with ${who(event)} at ${event.endpoint}: ${textOf(event.reason)}`
      )
    case "beacon.sent":
      return line("trace", `${event.datagrams} beacons sent by ${event.interfaces.join(", ")}`)
    case "beacon.received":
      return line(
        event.own ? "trace" : "debug",
        `beacon of ${event.own ? "our own" : printable(event.nodeId)} from ${event.endpoint}${
          event.full === true ? ", which has no place for strangers" : ""
        }`
      )
    case "beacon.error":
      return line("warn", `discovery: ${event.detail}`)
    case "registry.ok":
      return line(
        "debug",
        event.action === "pull"
          ? `registry: ${event.taken} named as peers, ${event.skipped} passed over`
          : `registry: ${event.action} done`
      )
    case "registry.error":
      return line(
        "warn",
        `registry: ${event.action} failed: ${event.detail}${wait(event.retryInMillis)}`
      )
    case "message":
      return line(
        "debug",
        `${who(event)} sent ${event.payload.length} bytes, topic "${printable(event.topic)}"`
      )
    case "log":
      return { level: parse(event.level) ?? "info", text: event.message.split("\n").map(clean).join("\n  ") }
    case "stopping":
      return line("debug", `stopping: ${event.cause}`)
    case "stats":
    case "final":
      return undefined
  }
}

const line = (level: Level, text: string): Line => ({ level, text: clean(text) })

const clean = (text: string): string => printable(text, 1_024)

type PeerStateChanged = Extract<NodeEvent, { readonly ev: "peer.state" }>

const peerState = (event: PeerStateChanged): Line => {
  const { from, reason, to } = event
  const peer = who(event)
  if (to === "Connected" && from === "Handshaking") {
    return line("info", `${peer} connected, ${event.direction}, ${event.endpoint}`)
  }
  if (to === "Connected") return line("info", `${peer}: ${why(event)}`)
  if (to === "Stale") return line("warn", `${peer} is stale: ${why(event)}`)
  if (to === "Closed" && event.direction === "outbound" && reason === "SelfConnection") {
    return line("warn", `dial to ${event.endpoint}: ${why(event)}`)
  }
  // A session that gave way to another with the same peer is no loss to anybody.
  const lost = PeerState.isLive(from) && reason !== "Duplicate" && reason !== "Replaced" &&
    reason !== "Stopped"
  if (lost) return line(classOf(reason) === "none" ? "info" : "warn", `${peer} lost: ${why(event)}`)
  return line(
    "debug",
    `${event.direction} connection ${event.conn}, ${event.endpoint}: ${from} to ${to}, ${why(event)}`
  )
}

/** An id.conflict tells of these already. */
const conflicts: ReadonlySet<Reason> = new Set(["NodeIdConflict", "DuplicateIdentity"])

/** An address to listen on, in words where it means all. */
export const where = (address: string, port: number): string =>
  address === "::" || address === "0.0.0.0"
    ? `port ${port}, all addresses`
    : Endpoint.make(address, port).toString()

const severity = (reason: Reason): Level =>
  classOf(reason) === "none" && reason !== "SelfConnection" ? "debug" : "warn"

/** A stranger cannot fill the log, but a mistake that somebody can set right is told. */
const unproven = (reason: Reason): Level =>
  reason === "LegacyPeer" || reason === "NotMember" ? "warn" : "debug"

const who = (
  peer: {
    readonly peer?: string
    readonly nodeId?: string
    readonly trust?: string
    readonly endpoint?: string
  }
): string => {
  if (peer.peer === undefined) return "a peer"
  const trust = peer.trust === undefined ? "" : `, trust ${peer.trust}`
  return `peer ${printable(peer.nodeId ?? "")} (${short(peer.peer)}${trust})`
}

const why = ({ detail, reason }: { readonly reason: Reason; readonly detail?: string }): string =>
  detail === undefined ? textOf(reason) : `${textOf(reason)} (${printable(detail)})`

const wait = (millis: number): string => millis <= 0 ? "" : `; next try in ${(millis / 1_000).toFixed(1)} s`

const short = (key: string): string => `${key.slice(0, 16)}…`
