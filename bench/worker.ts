/**
 * One end of a session in a process of its own: `worker serve CONTENDER` prints its port, `worker load CONTENDER
 * SCENARIO PORT PID SECONDS WARM-UP` prints what it measured.
 */
import type { Contender } from "./Contender.js"
import { type loads, measure } from "./Load.js"

const contenders: Record<string, () => Promise<Contender>> = {
  raw: async () => (await import("./Raw.js")).make("batched"),
  "raw-each": async () => (await import("./Raw.js")).make("each"),
  tls: async () => (await import("./Tls.js")).make(),
  vix: async () => (await import("./Vix.js")).make()
}

const [role, name = "", scenario = "", ...numbers] = process.argv.slice(2)
const contender = await contenders[name]?.()
if (contender === undefined) throw new Error(`no contender ${name}`)

if (role === "serve") {
  console.log(JSON.stringify(await contender.serve()))
  // The end of our input is the end of the measurement.
  process.stdin.on("end", () => process.exit()).resume()
} else {
  const [port = 0, pid = 0, seconds = 1, warmSeconds = 1] = numbers.map(Number)
  console.log(
    JSON.stringify(
      await measure(scenario as keyof typeof loads, contender, { port, pid }, { seconds, warmSeconds })
    )
  )
  process.exit()
}
