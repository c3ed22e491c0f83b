/** What a registry offers over HTTP: the paths, what is asked and answered, and how requests are refused. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { maxPort } from "../domain/Endpoint.js"
import { NodeId } from "../domain/NodeId.js"
import { PeerId } from "../domain/PeerId.js"
import * as RegistryLimits from "../domain/RegistryLimits.js"
import { Entry } from "../protocol/RegistryMessage.js"

const message = { message: Schema.String }

/** 403 */
export class Foreign extends Schema.TaggedError<Foreign>()(
  "Foreign",
  message,
  HttpApiSchema.annotations({ status: 403, description: "Another host announced this node." })
) {}

/** 413 */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()(
  "BodyTooLarge",
  message,
  HttpApiSchema.annotations({ status: 413, description: "The body is too large for an announcement." })
) {}

/** 429 */
export class HostFull extends Schema.TaggedError<HostFull>()(
  "HostFull",
  message,
  HttpApiSchema.annotations({ status: 429, description: "The host has as many nodes as one host may have." })
) {}

/** 503 */
export class Full extends Schema.TaggedError<Full>()(
  "Full",
  message,
  HttpApiSchema.annotations({ status: 503, description: "There is no room." })
) {}

/** 503 */
export class Unavailable extends Schema.TaggedError<Unavailable>()(
  "Unavailable",
  message,
  HttpApiSchema.annotations({ status: 503, description: "The store is out of reach." })
) {}

/** What a node says of itself. The original node names no key; `cap` is not kept, other members are ignored. */
export const Announcement = Schema.Struct({
  node_id: NodeId.annotations({
    description:
      "1 to 64 bytes of UTF-8, no control or format characters, no line separators, no white space at the ends"
  }),
  tcp_port: Schema.Int.pipe(Schema.between(1, maxPort)),
  key: Schema.optionalWith(PeerId.annotations({ description: "64 lower-case hexadecimal digits" }), {
    exact: true
  }),
  cap: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), { exact: true })
}).annotations({ identifier: "Announcement" })

const { listed, listedMost } = RegistryLimits.defaults

const Acknowledged = Schema.Struct({ ok: Schema.Literal(true) })

const peers = HttpApiEndpoint.get("peers", "/peers")
  .annotate(OpenApi.Summary, "Nodes that announced themselves")
  .annotate(
    OpenApi.Description,
    `\`limit\` is how many at most: ${listed} if it is not given, never more than ${listedMost}. Where there are more, ` +
      "they are chosen by chance."
  )
  .setUrlParams(Schema.Struct({
    limit: Schema.optionalWith(
      Schema.NumberFromString.pipe(
        Schema.filter((n) => (Number.isInteger(n) && n >= 1) || "expected a whole number from 1 on")
      ),
      { exact: true }
    )
  }))
  .addSuccess(Schema.Struct({ peers: Schema.Array(Entry.annotations({ identifier: "Entry" })) }))
  .addError(Unavailable)

const announce = HttpApiEndpoint.post("announce", "/announce")
  .annotate(OpenApi.Summary, "List a node for a while; its host is where the request comes from")
  .setPayload(Announcement)
  .addSuccess(Acknowledged)
  .addError(BodyTooLarge)
  .addError(HostFull)
  .addError(Full)
  .addError(Unavailable)

const leave = HttpApiEndpoint.del("leave", "/announce")
  .annotate(OpenApi.Summary, "Take a node off the list, from the host that announced it")
  .setPayload(Announcement)
  .addSuccess(Acknowledged)
  .addError(BodyTooLarge)
  .addError(Foreign)
  .addError(Unavailable)

const health = HttpApiEndpoint.get("health", "/health")
  .annotate(OpenApi.Summary, "Whether it serves, and how many nodes are listed")
  .addSuccess(Schema.Struct({ ok: Schema.Literal(true), entries: Schema.Int }))
  .addError(Unavailable)

const nodes = HttpApiGroup.make("nodes").add(peers).add(announce).add(leave)

/** The whole, with what nodes ask for below a base path: none, or `/` and what follows. */
export const make = (base: "" | `/${string}`) =>
  HttpApi.make("registry")
    .annotate(OpenApi.Title, "vix registry")
    .annotate(OpenApi.Version, "1.0.0")
    .annotate(
      OpenApi.Description,
      "Where the nodes of a peer-to-peer network find each other. Nobody proves who he is here: an entry is a hint."
    )
    .add(base === "" ? nodes : nodes.prefix(base))
    .add(HttpApiGroup.make("operation").add(health))

export type RegistryApi = ReturnType<typeof make>
