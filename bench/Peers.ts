/** The peers: other people's secure sessions. They live in this folder's `node_modules`, and only here. */
import { type Contender, message, Tally } from "./Contender.js"
import * as Framed from "./Framed.js"

/** What a peer's module is made with, so that all contenders do the same with messages. */
const kit = { Framed, Tally, message }

export interface Options {
  /** Milliseconds between two heartbeats of every session, for a peer that has any; its own default without them. */
  readonly heartbeatMillis: number | undefined
  /** Whether sessions are opened to be left alone: what was opened for the greeting is closed again. */
  readonly idle: boolean
  /** How small messages are sent: as the peer's users would, each by itself, or gathered into pieces of 64 KiB. */
  readonly writing: Framed.Writing
}

interface Module {
  readonly make: (tools: typeof kit, options: Options) => Contender
  /** Finds another one by itself on the local network, if it can, and prints a line when listening and when connected. */
  readonly discover?: () => Promise<void>
}

const load = (file: string): Promise<Module> => import(new URL(`../peers/${file}.mjs`, import.meta.url).href)

export const make = async (file: string, options: Options): Promise<Contender> =>
  (await load(file)).make(kit, options)

export const discover = async (file: string): Promise<void> => (await load(file)).discover?.()
