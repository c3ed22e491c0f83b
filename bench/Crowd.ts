/** Many sessions with one node, each from somebody with an identity of its own, open and idle. */
import type { Contender } from "./Contender.js"

// No more than the slowest of them opens in the time that it gives itself for one.
const atOnce = 8

/** Opens so many sessions and leaves them open. */
export const gather = async (contender: Contender, port: number, count: number): Promise<void> => {
  let begun = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (begun++ < count) {
      const dial = await contender.dialler()
      await dial(port)
    }
  }))
}
