/** A self-signed certificate, always the same, so that both ends of a benchmark know it without being told. */
import { createPrivateKey, createPublicKey, sign } from "node:crypto"

const tagged = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.from(head), content])
}
const sequence = (...parts: ReadonlyArray<Uint8Array>) => tagged(0x30, ...parts)
const time = (text: string) => tagged(0x17, Buffer.from(text))
const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`

const ed25519 = sequence(Buffer.from("06032b6570", "hex"))
const commonName = Buffer.from("0603550403", "hex")
const name = sequence(tagged(0x31, sequence(commonName, tagged(0x0c, Buffer.from("bench")))))

const secret = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]),
  format: "der",
  type: "pkcs8"
})
const publicKey = createPublicKey(secret).export({ format: "der", type: "spki" })
const serial = tagged(0x02, Uint8Array.of(1))
const validity = sequence(time("000101000000Z"), time("491231235959Z"))
const body = sequence(serial, ed25519, name, validity, name, publicKey)

export const cert = pem(
  "CERTIFICATE",
  sequence(body, ed25519, tagged(0x03, Uint8Array.of(0), sign(null, body, secret)))
)

export const key = secret.export({ format: "pem", type: "pkcs8" })
