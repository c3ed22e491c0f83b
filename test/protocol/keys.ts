/** Public keys that must never be accepted, written out from the protocol's own list. */
import { unhex } from "./bytes.js"

const zeros = "00".repeat(30)
const ones = "ff".repeat(30)

/** The 14 encodings of small order of Ed25519. */
export const smallOrderKeys: ReadonlyArray<Uint8Array> = [
  `${zeros}0000`,
  `${zeros}0080`,
  `01${zeros}00`,
  `01${zeros}80`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  `ec${ones}7f`,
  `ec${ones}ff`,
  `ed${ones}7f`,
  `ed${ones}ff`,
  `ee${ones}7f`,
  `ee${ones}ff`
].map(unhex)

/** The 7 shares of low order of X25519, each without and with the bit that X25519 ignores. */
export const lowOrderShares: ReadonlyArray<Uint8Array> = [
  `${zeros}0000`,
  `01${zeros}00`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${ones}7f`,
  `ed${ones}7f`,
  `ee${ones}7f`
].flatMap((share) => {
  const high = unhex(share)
  high[31] = (high[31] ?? 0) | 0x80
  return [unhex(share), high]
})
