/** What is measured: somebody's way to open sessions on loopback and to send whole messages over them. */

/** The server's half and the client's half run in processes of their own. */
export interface Contender {
  /** Listens on 127.0.0.1, greets every session and handles its messages as {@link Tally} says; returns the port. */
  readonly serve: () => Promise<number>
  /** Somebody with an identity of its own, who opens one session after another. */
  readonly dialler: () => Promise<Dial>
  readonly connect: (port: number) => Promise<Client>
}

/**
 * Opens a session and returns how to close it. It is open when the server's greeting has come, which the server sends
 * once it knows who dialled: both ends have then authenticated each other.
 */
export type Dial = (port: number) => Promise<() => Promise<void>>

/** An open session. */
export interface Client {
  /** Sends messages one way; returns the server's count of what has come, once it has been asked behind the last one. */
  readonly flood: (message: Uint8Array, count: number) => Promise<Count>
  /** Sends a message and waits for its return, again and again; returns the microseconds each took. */
  readonly roundTrips: (message: Uint8Array, count: number) => Promise<ReadonlyArray<number>>
}

/** How many messages came, and how many bytes they had. */
export interface Count {
  readonly messages: number
  readonly bytes: number
}

/** The first byte of a message says what the server does with it. */
export const kinds = { counted: 0, returned: 1, asked: 2, greeting: 3 } as const

/** A message of that kind and length. */
export const message = (kind: keyof typeof kinds, size: number): Uint8Array => {
  const bytes = new Uint8Array(size).fill(0x5a)
  bytes[0] = kinds[kind]
  return bytes
}

/** What a server does with messages, the same for every contender: it counts, sends back, and tells its count. */
export class Tally {
  #messages = 0
  #bytes = 0

  /** Counts a message that needs no answer. */
  add(size: number): void {
    this.#messages++
    this.#bytes += size
  }

  /** Takes a message; returns the answer to it, if it is one that gets any. */
  take(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes[0] === kinds.returned) return bytes
    if (bytes[0] === kinds.asked) return this.#tell()
    this.add(bytes.length)
    return undefined
  }

  /** The count since the last time. */
  #tell(): Uint8Array {
    const answer = message("asked", 17)
    const view = new DataView(answer.buffer)
    view.setFloat64(1, this.#messages)
    view.setFloat64(9, this.#bytes)
    this.#messages = 0
    this.#bytes = 0
    return answer
  }
}

/** Reads what a server tells of its count. */
export const readCount = (answer: Uint8Array): Count => {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength)
  return { messages: view.getFloat64(1), bytes: view.getFloat64(9) }
}
