/** Two ends of a handshake: those of the known answers, and arbitrary ones. */
import * as fc from "effect/FastCheck"
import { readFileSync } from "node:fs"
import * as Limits from "../../src/domain/Limits.js"
import * as NodeId from "../../src/domain/NodeId.js"
import * as Crypto from "../../src/protocol/Crypto.js"
import { Ephemerals } from "../../src/protocol/Ephemerals.js"
import type { LocalParty } from "../../src/protocol/Handshake.js"
import type { Signer, Statement } from "../../src/protocol/IdentityPayload.js"
import { Initiator } from "../../src/protocol/Initiator.js"
import type { KeyPair } from "../../src/protocol/KeyPair.js"
import { Responder } from "../../src/protocol/Responder.js"
import { unhex } from "./bytes.js"

interface KnownEnd {
  readonly identity_seed: string
  readonly identity_public: string
  readonly static_private: string
  readonly ephemeral_private: string
  readonly instance: string
  readonly listen_port: number
  readonly node_id: string
  readonly capabilities: Readonly<Record<string, string>>
}

interface KnownAnswers {
  readonly name: string
  readonly psk: string
  readonly initiator: KnownEnd & { readonly conn_seq: number; readonly seen_seq: number }
  readonly responder: KnownEnd
  readonly hello_frame: string
  readonly h_after_hello: string
  readonly helloack_frame: string
  readonly h_after_helloack: string
  readonly hellofinish_frame: string
  readonly session_id: string
  readonly key_i2r: string
  readonly key_r2i: string
  readonly transport: { readonly r2i_n0_ping: string; readonly i2r_n0_pong: string }
}

const vectors = new URL("../vectors/vp2p-v2.json", import.meta.url)

export const knownAnswers: ReadonlyArray<KnownAnswers> = JSON.parse(readFileSync(vectors, "utf8")).cases

export const nothing = new Uint8Array(0)

/** A party and the ephemeral key of its handshake. */
export interface End {
  readonly local: LocalParty
  readonly ephemeral: KeyPair
}

export const signer = (seed: Uint8Array): Signer => {
  const { privateKey, publicKey } = Crypto.keyPair("Ed25519", seed)
  return { publicKey, sign: (message) => Crypto.sign(privateKey, message) }
}

export const knownEnd = (known: KnownAnswers, side: "initiator" | "responder"): End => {
  const end = known[side]
  return {
    local: {
      identity: signer(unhex(end.identity_seed)),
      instance: unhex(end.instance),
      nodeId: end.node_id as NodeId.NodeId,
      listenPort: end.listen_port,
      capabilities: end.capabilities,
      staticKey: Crypto.keyPair("X25519", unhex(end.static_private)),
      networkKey: unhex(known.psk),
      limits: Limits.defaults
    },
    ephemeral: Crypto.keyPair("X25519", unhex(end.ephemeral_private))
  }
}

export const bytes = (size: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: size, maxLength: size })

export const nodeIds: fc.Arbitrary<NodeId.NodeId> = fc.string({
  unit: "grapheme",
  minLength: 1,
  maxLength: 20
})
  .filter((text): text is NodeId.NodeId => NodeId.problem(text) === undefined)

const characters = (text: string) => fc.constantFrom(...text)
const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join("")

export const capabilities: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.oneof(
    fc.string({ unit: characters("abcdefghijklmnopqrstuvwxyz0123456789._-"), minLength: 1, maxLength: 32 }),
    fc.constantFrom("__proto__", "constructor", "10", "9")
  ),
  fc.string({ unit: characters(printable), maxLength: 64 }),
  { maxKeys: 16 }
)

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })

export const sequences = fc.record({ connSeq: u64.map((seq) => seq === 0n ? 1n : seq), seenSeq: u64 })

export const statements: fc.Arbitrary<Omit<Statement, "connSeq" | "seenSeq">> = fc.record({
  minor: fc.nat(0xffff),
  instance: bytes(16),
  listenPort: fc.nat(0xffff),
  nodeId: nodeIds,
  capabilities
})

export const ends = (networkKey: Uint8Array): fc.Arbitrary<End> =>
  fc.record({ statement: statements, identity: bytes(32), fixed: bytes(32), fresh: bytes(32) }).map((
    { fixed, fresh, identity, statement }
  ) => ({
    local: {
      ...statement,
      identity: signer(identity),
      staticKey: Crypto.keyPair("X25519", fixed),
      networkKey,
      limits: Limits.defaults
    },
    ephemeral: Crypto.keyPair("X25519", fresh)
  }))

/** What a node remembers of Hellos that has seen none. */
export const freshGate = () => new Ephemerals<string>(Limits.defaults).gate(() => false)

export const initiator = ({ ephemeral, local }: End): Initiator => new Initiator(local, ephemeral)

export const responder = ({ local }: End): Responder => new Responder(local, freshGate())

/** A responder that answered a Hello, and its answer. */
export const answered = (end: End, hello: Uint8Array): { machine: Responder; helloAck: Uint8Array } => {
  const machine = responder(end)
  const step = machine.receive(hello, 0)
  if (step._tag !== "Hello") throw new Error(`expected a valid Hello, got ${JSON.stringify(step)}`)
  return { machine, helloAck: machine.reply(end.ephemeral) }
}
