import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { FrameReader } from "../../src/protocol/Frame.js"
import * as Varint from "../../src/protocol/Varint.js"
import { chunked, concat } from "./bytes.js"

const frame = (body: Uint8Array): Uint8Array => {
  const prefix = new Uint8Array(Varint.size(body.length))
  Varint.write(prefix, 0, body.length)
  return concat(prefix, body)
}

const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
const cuts = fc.array(fc.nat(2_500), { maxLength: 12 })

const drain = (reader: FrameReader, min: number, max: number): ReadonlyArray<Uint8Array | "FrameLength"> => {
  const all: Array<Uint8Array | "FrameLength"> = []
  for (;;) {
    const next = reader.next(min, max)
    if (next === undefined) return all
    // A copy: the next call may take the memory again.
    all.push(next === "FrameLength" ? next : new Uint8Array(next))
    if (next === "FrameLength") return all
  }
}

describe("FrameReader", () => {
  it("gives the same frames however the stream is cut", () =>
    fc.assert(
      fc.property(bodies, cuts, (sent, at) => {
        const reader = new FrameReader()
        const got = chunked(concat(...sent.map(frame)), at).flatMap((chunk) => {
          reader.push(chunk)
          return drain(reader, 1, 300)
        })
        assert.deepStrictEqual(got, sent)
        assert.strictEqual(reader.buffered, 0)
      }),
      { numRuns: 10_000 }
    ))

  it("gives the same frames byte by byte", () => {
    const sent = [1, 127, 128, 300].map((length) => new Uint8Array(length).fill(length))
    const reader = new FrameReader()
    const got = Array.from(concat(...sent.map(frame))).flatMap((byte) => {
      reader.push(Uint8Array.of(byte))
      return drain(reader, 1, 300)
    })
    assert.deepStrictEqual(got, sent)
  })

  it("copies nothing of a frame that lies whole within a chunk", () => {
    const chunk = frame(Uint8Array.of(1, 2, 3))
    const reader = new FrameReader()
    reader.push(chunk)
    const body = reader.next(1, 3)
    assert.instanceOf(body, Uint8Array)
    assert.strictEqual((body as Uint8Array).buffer, chunk.buffer)
  })

  it("leaves a chunk to its owner once it gives no more", () =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(9_000), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(30_000), { maxLength: 9 }),
        (lengths, at) => {
          const sent = lengths.map((length, index) => new Uint8Array(length + 1).fill(index + 1))
          const readers = [new FrameReader(), new FrameReader()]
          const got = readers.map((): Array<Uint8Array | "FrameLength"> => [])
          // Two connections take turns, so that neither may use memory that the other still gathers in.
          for (const chunk of chunked(concat(...sent.map(frame)), at)) {
            readers.forEach((reader, index) => {
              const mine = chunk.slice()
              reader.push(mine)
              got[index]?.push(...drain(reader, 1, 9_001))
              mine.fill(0xff)
            })
          }
          for (const bodies of got) assert.deepStrictEqual(bodies, sent)
        }
      ),
      { numRuns: 300 }
    ))

  it("hands over every byte that was not given out, wherever it stopped", () =>
    fc.assert(
      fc.property(bodies, fc.nat(8), cuts, fc.uint8Array({ maxLength: 5 }), (sent, take, at, tail) => {
        const stream = concat(...sent.map(frame), tail)
        const reader = new FrameReader()
        let taken = 0
        for (const chunk of chunked(stream, at)) {
          reader.push(chunk)
          while (taken < Math.min(take, sent.length) && reader.next(1, 300) instanceof Uint8Array) taken++
        }
        const rest = stream.slice(sent.slice(0, taken).reduce((sum, body) => sum + frame(body).length, 0))
        assert.strictEqual(reader.buffered, rest.length)
        assert.deepStrictEqual(reader.rest(), rest)
        assert.strictEqual(reader.buffered, 0)
        reader.push(frame(Uint8Array.of(7)))
        assert.deepStrictEqual(reader.next(1, 1), Uint8Array.of(7))
      }),
      { numRuns: 10_000 }
    ))

  it("hands over a frame that has begun, prefix and all", () => {
    const begun = frame(new Uint8Array(200).fill(9))
    for (let length = 0; length < begun.length; length++) {
      const reader = new FrameReader()
      reader.push(begun.subarray(0, length))
      assert.strictEqual(reader.next(1, 300), undefined)
      assert.strictEqual(reader.buffered, length)
      assert.deepStrictEqual(reader.rest(), begun.slice(0, length))
      assert.strictEqual(reader.next(1, 300), undefined)
    }
  })

  it.each<[string, ReadonlyArray<number>, number, number]>([
    ["zero", [0], 1, 300],
    ["less than the least", [50], 51, 300],
    ["2^7 - 1 where 2^7 is the least", [0x7f], 128, 300],
    ["2^7 + 1 where 2^7 is the most", [0x81, 0x01], 1, 128],
    ["2^14 + 1 where 2^14 is the most", [0x81, 0x80, 0x01], 1, 16_384],
    ["65,537 where 65,536 is the most", [0x81, 0x80, 0x04], 51, 65_536],
    ["2^21", [0x80, 0x80, 0x80, 0x01], 51, 65_536],
    ["2^28", [0x80, 0x80, 0x80, 0x80, 0x01], 51, 65_536],
    ["2^63", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 51, 65_536],
    ["endless", [0x80, 0x80, 0x80], 51, 65_536],
    ["endless, where two bytes are the most", [0x80, 0x80], 255, 1_886],
    ["a first byte that goes on, where one byte is the most", [0xc7], 71, 71],
    ["not minimal", [0xc7, 0x00], 71, 300]
  ])("refuses a length that is %s, at its last byte and for good", (_, prefix, min, max) => {
    const reader = new FrameReader()
    const wrongAt = prefix.findIndex((byte) => {
      reader.push(Uint8Array.of(byte))
      return reader.next(min, max) === "FrameLength"
    })
    assert.strictEqual(wrongAt, Math.min(prefix.length, 3) - 1)
    reader.push(new Uint8Array(100))
    assert.strictEqual(reader.next(min, max), "FrameLength")
  })

  it.each([1, 127, 128, 129, 16_383, 16_384, 16_385, 65_536])("takes a frame of %d bytes", (length) => {
    const body = new Uint8Array(length).fill(5)
    const reader = new FrameReader()
    reader.push(frame(body).subarray(0, length))
    assert.strictEqual(reader.next(1, 65_536), undefined)
    reader.push(frame(body).subarray(length))
    assert.deepStrictEqual(reader.next(1, 65_536), body)
  })
})
