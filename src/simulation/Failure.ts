/**
 * A failed run in words: the law, where and when it was broken, what led to it, and how to see it again.
 *
 * @since 0.1.0
 */
import type { NodeEvent } from "../domain/NodeEvent.js"
import * as Fault from "./Fault.js"
import * as Laws from "./Laws.js"
import { short } from "./Ledger.js"
import type { Outcome } from "./Run.js"
import type { Violation } from "./Simulation.js"
import type { Happening } from "./Trace.js"

/** How many of the last events are told. */
const told = 24

/** How many faults are told. */
const toldFaults = 40

/** What became of a run, in lines for people; `command` is the line that repeats it. @since 0.1.0 */
export const report = (outcome: Outcome, command: string): string => {
  const { hash, seed, violation, worldMillis } = outcome
  const again = ["Again:", `  ${command}`]
  if (violation === undefined) {
    return [`PASS seed ${seed}, ${seconds(worldMillis)} of the world, trace ${hash}`, "", ...again].join("\n")
  }
  return [
    `FAIL ${violation.law}: ${Laws.laws[violation.law]}`,
    ...violation.text.split("\n").map((line) => `  ${plain(line)}`),
    `  seed ${seed}, ${seconds(violation.atMicros / 1_000)} of the world, trace ${hash}`,
    "",
    ...faultLines(outcome.faults, violation.atMicros / 1_000),
    "",
    ...eventLines(outcome.last, violation),
    "",
    ...again
  ].join("\n")
}

/** An event in words, keys cut to their first digits. @since 0.1.0 */
export const inWords = (event: NodeEvent): string => {
  switch (event.ev) {
    case "listening":
      return `listens on ${event.address}:${event.port} with key ${short(event.key)}`
    case "dial.verdict":
      return `${event.source} dial to ${event.endpoint}: ${event.verdict}${again(event.retryInMillis)}`
    case "dial.failed":
      return `dial to ${event.endpoint} failed: ${why(event.reason, event.detail)}${
        again(event.retryInMillis)
      } (${event.failures} in a row)`
    case "peer.state":
      return [
        `${event.direction} connection ${event.conn}, ${event.endpoint}: ${event.from} to ${event.to}`,
        event.to === "Connected" && event.session !== undefined ? `, session ${short(event.session)}` : "",
        event.nodeId === undefined ? "" : `, peer ${event.nodeId}`,
        event.peer === undefined ? "" : ` ${short(event.peer)}`,
        event.to === "Closed" || event.to === "Stale"
          ? `: ${why(event.reason, event.detail)}${event.origin === "remote" ? " (from the other end)" : ""}`
          : ""
      ].join("")
    case "handshake.rejected":
      return `inbound connection ${event.conn}, ${event.endpoint}, rejected: ${why(event.reason)}`
    case "id.conflict":
      return `${event.endpoint} is also called ${event.nodeId}, key ${short(event.peer)}: ${event.reason}`
    case "beacon.error":
      return `beacon: ${why(event.reason, event.detail)}`
    case "registry.ok":
      return `registry ${event.action}: ${event.taken} taken, ${event.skipped} skipped`
    case "registry.error":
      return `registry ${event.action}: ${why(event.reason, event.detail)}${again(event.retryInMillis)}`
    case "log":
      return `${event.level}: ${event.message}`
    case "stopping":
      return `stops: ${event.cause}`
    default:
      return event.ev
  }
}

const faultLines = (faults: ReadonlyArray<Fault.Fault>, atMillis: number): ReadonlyArray<string> => {
  const begun = faults.filter(({ fromMillis }) => fromMillis <= atMillis)
  if (begun.length === 0) return ["No fault had begun."]
  const left = begun.length - toldFaults
  return [
    "Faults that had begun (* in force then):",
    ...begun.slice(-toldFaults).map((fault) =>
      `  ${atMillis < fault.toMillis ? "*" : " "} ${plain(Fault.describe(fault))}`
    ),
    ...left > 0 ? [`    and ${left} before these`] : []
  ]
}

const eventLines = (last: ReadonlyArray<Happening>, { nodes }: Violation): ReadonlyArray<string> => {
  const concerned = new Set(nodes)
  const events = last
    .filter(({ event, node }) => (concerned.size === 0 || concerned.has(node)) && !isRoutine(event))
    .slice(-told)
  const who = nodes.length === 0 ? "all nodes" : nodes.join(", ")
  if (events.length === 0) return [`Of ${who}, nothing is among the last ${last.length} events.`]
  return [
    `Last events of ${who}:`,
    ...events.map(({ atMicros, event, life, node }) =>
      `  ${(atMicros / 1_000_000).toFixed(6).padStart(12)} s  ${node}${life > 1 ? `/${life}` : ""}  ${
        plain(inWords(event))
      }`
    )
  ]
}

/** What goes on all the time would push what matters out of sight. */
const isRoutine = (event: NodeEvent): boolean =>
  event.ev === "beacon.sent" || event.ev === "beacon.received" || event.ev === "peer.rtt" ||
  event.ev === "stats" ||
  (event.ev === "dial.verdict" && event.source === "automatic" && event.verdict !== "dial")

const why = (reason: string, detail?: string): string =>
  detail === undefined ? reason : `${reason} (${detail})`

const again = (millis: number | undefined): string =>
  millis === undefined || millis <= 0 ? "" : `, again in ${Math.round(millis)} ms`

const seconds = (millis: number): string => `${(millis / 1_000).toFixed(3)} s`

/** Without control characters, which could be anything on a terminal. */
const plain = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ")
