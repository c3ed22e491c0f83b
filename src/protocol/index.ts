/**
 * The wire protocol by itself, pure: for tools that speak it, fuzz it or look into a recording.
 *
 * @since 0.1.0
 */
export * as Aead from "./Aead.js"
export * as Beacon from "./Beacon.js"
export * as Crypto from "./Crypto.js"
export * as Envelope from "./Envelope.js"
export * as Ephemerals from "./Ephemerals.js"
export * as Frame from "./Frame.js"
export * as Handshake from "./Handshake.js"
export * as Hearing from "./Hearing.js"
export * as Hkdf from "./Hkdf.js"
export * as IdentityCheck from "./IdentityCheck.js"
export * as IdentityPayload from "./IdentityPayload.js"
export * as Initiator from "./Initiator.js"
export * as KeyPair from "./KeyPair.js"
export * as Message from "./Message.js"
export * as Noise from "./Noise.js"
export * as Outbox from "./Outbox.js"
export * as RegistryMessage from "./RegistryMessage.js"
export * as Responder from "./Responder.js"
export * as Session from "./Session.js"
export * as Varint from "./Varint.js"
