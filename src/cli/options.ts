/**
 * The one table of options: what the parser knows, what the help prints, and in which words. It is plain data, so
 * that help is printed before anything heavy is loaded.
 */

export interface Option {
  /** How the value is called in the help; an option without one is a switch. */
  readonly value?: string
  /** What it means, in a few words; values of every option have a unit where they need one. */
  readonly text: string
  /** What holds when it is not given, written as on the line. */
  readonly default?: string
  /** May be given more than once. */
  readonly repeatable?: true
  readonly section: Section
}

const discovery = "Discovery (not in this version yet)"
const bootstrap = "Bootstrap (not in this version yet)"

export type Section = "Required" | "Node" | "Output" | typeof discovery | typeof bootstrap

/** The sections of the help, in order. */
export const sections: ReadonlyArray<Section> = ["Required", "Node", "Output", discovery, bootstrap]

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
} as const satisfies Record<string, Option>

export type Name = keyof typeof options

/** An option that takes a value. */
export type ValueName = {
  [N in Name]: (typeof options)[N] extends { readonly value: string } ? N : never
}[Name]

/** An option that has a value in any case. */
export type DefaultedName = {
  [N in ValueName]: (typeof options)[N] extends { readonly default: string } ? N : never
}[ValueName]

/** An option that is on by being there. */
export type SwitchName = Exclude<Name, ValueName>

/** All names, in the order of the help. */
export const names = Object.keys(options) as ReadonlyArray<Name>

/** One row of the table, with its optional members in sight. */
export const option = (name: Name): Option => options[name]
