/** The options of `vix registry`: what the parser knows, what the help prints, and in which words. */
import type { Table } from "./table.js"

export const options = {
  listen: {
    section: "Registry",
    value: "port",
    default: "8080",
    text: "TCP port to listen on; 0 takes a free one."
  },
  bind: {
    section: "Registry",
    value: "address",
    text: "Address to listen on. Default: all, IPv4 and IPv6."
  },
  "base-path": {
    section: "Registry",
    value: "path",
    default: "/",
    text: "Path below which nodes find the registry."
  },
  ttl: {
    section: "Registry",
    value: "seconds",
    default: "45",
    text: "How long a node is listed after it announced itself."
  },
  limit: { section: "Registry", value: "n", default: "4096", text: "Nodes listed at one time." },
  "limit-per-host": {
    section: "Registry",
    value: "n",
    default: "32",
    text: "The same for one host; its own host is bound by --limit alone."
  },
  store: {
    section: "Registry",
    value: "memory|url",
    default: "memory",
    text: "Where the list is kept; registries share one at redis://host:port."
  },
  "trust-forwarded": {
    section: "Registry",
    value: "address",
    repeatable: true,
    text: "Address of a proxy whose X-Forwarded-For names the node's host. Repeatable."
  },
  run: {
    section: "Registry",
    value: "seconds",
    default: "0",
    text: "Stop by itself after that time; 0 is never."
  },

  quiet: { section: "Output", text: "Print one line of counters at the end and nothing else." },
  events: {
    section: "Output",
    value: "off|ndjson",
    default: "off",
    text: "Print every event as one line of JSON; `vix schema registry` describes them."
  },
  "log-level": {
    section: "Output",
    value: "level",
    text: "trace, debug, info, warn, error, critical or off. Default: info."
  }
} as const satisfies Table
