/**
 * Who a peer is: its Ed25519 public key in lower-case hexadecimal.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** 64 lower-case hexadecimal digits. @since 0.1.0 */
export const PeerId = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "expected 64 lower-case hexadecimal digits" }),
  Schema.brand("vix/PeerId")
)

/** @since 0.1.0 */
export type PeerId = typeof PeerId.Type

/** The PeerId of a raw public key of 32 bytes. @since 0.1.0 */
export const fromKey = (key: Uint8Array): PeerId =>
  // Joined and not added up: a string that V8 keeps in pieces compares more slowly.
  Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("") as PeerId

/** The raw public key of a PeerId, 32 bytes. @since 0.1.0 */
export const toKey = (id: PeerId): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(id.slice(2 * at, 2 * at + 2), 16))
