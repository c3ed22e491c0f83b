/** The options of `vix p2p`: what the parser knows, what the help prints, and in which words. */
import * as Table from "./table.js"

const discovery = "Discovery"
const bootstrap = "Bootstrap"

export const options = {
  id: { section: "Required", value: "node_id", text: "Name of this node, unique among its peers." },
  listen: { section: "Required", value: "port", text: "TCP port to listen on; 0 takes a free one." },

  connect: {
    section: "Node",
    value: "host:port",
    repeatable: true,
    text: "Peer to stay connected to; also tcp://host:port, [ipv6]:port. Repeatable."
  },
  "connect-delay": {
    section: "Node",
    value: "ms",
    default: "0",
    text: "Wait before the first dial of every --connect."
  },
  "no-connect": { section: "Node", text: "Dial nobody; peers may still come in." },
  bind: {
    section: "Node",
    value: "address",
    text: "Address to listen on. Default: all, IPv4 and IPv6."
  },
  "max-peers": { section: "Node", value: "n", default: "128", text: "Peers with a session at one time." },
  run: {
    section: "Node",
    value: "seconds",
    default: "0",
    text: "Stop by itself after that time; 0 is never."
  },
  "wait-peers": {
    section: "Node",
    value: "n",
    text: "Stop with exit code 0 as soon as n peers are connected, with 5 if they do not come."
  },
  "wait-timeout": { section: "Node", value: "seconds", default: "30", text: "How long --wait-peers waits." },
  "ready-file": {
    section: "Node",
    value: "file",
    text: "Once listening, port and PeerId stand there as JSON; removed at the end."
  },

  "stats-every": { section: "Output", value: "ms", default: "1000", text: "Interval of the stats line." },
  tui: {
    section: "Output",
    value: "on|off",
    text: "Stats in one line that is rewritten in place. Default: on in a terminal."
  },
  quiet: { section: "Output", text: "Print one line of stats at the end and nothing else." },
  events: {
    section: "Output",
    value: "off|ndjson",
    default: "off",
    text: "Print every event as one line of JSON; `vix schema` describes them."
  },
  "log-level": {
    section: "Output",
    value: "level",
    text: "trace, debug, info, warn, error, critical or off. Default: info; warn with --tui on."
  },

  discovery: {
    section: discovery,
    value: "on|off",
    default: "on",
    text: "Find peers on the local network."
  },
  "disc-port": {
    section: discovery,
    value: "port",
    default: "37020",
    text: "UDP port, the same on all nodes."
  },
  "disc-mode": {
    section: discovery,
    value: "mode",
    default: "broadcast",
    text: "broadcast or multicast."
  },
  "disc-interval": { section: discovery, value: "ms", default: "2000", text: "Interval of announcements." },
  iface: {
    section: discovery,
    value: "name",
    repeatable: true,
    text: "Interface to use, or !name to leave out. Repeatable. Default: all that run."
  },
  advertise: {
    section: discovery,
    value: "port",
    text: "TCP port to announce, where another one is mapped to ours."
  },

  bootstrap: { section: bootstrap, value: "on|off", default: "off", text: "Take peers from a registry." },
  registry: { section: bootstrap, value: "url", text: "Base of the registry, http or https." },
  "boot-interval": {
    section: bootstrap,
    value: "seconds",
    default: "15",
    text: "Interval of its look-ups."
  },
  announce: {
    section: bootstrap,
    value: "on|off",
    default: "on",
    text: "Announce this node to the registry."
  }
} as const satisfies Table.Table

export type Name = Table.Name<typeof options>

/** An option that takes a value. */
export type ValueName = Table.ValueName<typeof options>

/** All names, in the order of the help. */
export const names = Table.namesOf(options)

/** One row of the table, with its optional members in sight. */
export const option = (name: Name): Table.Option => options[name]
