// `node bench/registry.mjs`: announces and pulls a second of `vix registry` beside a bare `node:http` server that does
// the least that could be called a registry, and what 200 nodes that announce themselves cost. Build first.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { Agent, createServer, request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const nodes = 200
const intervalMillis = 15_000
const lanes = 16
const self = fileURLToPath(import.meta.url)
const vix = fileURLToPath(new URL("../dist/bin/vix.cjs", import.meta.url))

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    share: { type: "string", default: "30" }
  }
})

/** The least: a table, JSON in, JSON out; no limits, no checks, no end of an entry. */
const bare = () => {
  const listed = new Map()
  const server = createServer((incoming, response) => {
    let body = ""
    incoming.on("data", (chunk) => (body += chunk)).on("end", () => {
      let answer = { ok: true }
      if (incoming.method === "GET") answer = { peers: [...listed.values()].slice(0, 20) }
      else {
        const { key, node_id, tcp_port } = JSON.parse(body)
        listed.set(key, { node_id, host: incoming.socket.remoteAddress, tcp_port, key })
      }
      const text = JSON.stringify(answer)
      response.writeHead(200, { "content-type": "application/json", "content-length": text.length }).end(text)
    })
  })
  server.listen(0, "127.0.0.1", () => console.error(`listening on 127.0.0.1:${server.address().port}`))
}

const contenders = {
  "node:http": [self, "bare"],
  vix: [vix, "registry", "--listen", "0", "--bind", "127.0.0.1"]
}

/** A server in a process of its own, and the CPU time it has used so far, in microseconds. */
const start = async (argv) => {
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "pipe"] })
  const [words] = await once(child.stderr.setEncoding("utf8"), "data")
  child.stderr.resume()
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(words)?.[1])
  const cpu = () => {
    const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1").split(") ")[1].split(" ")
    // A tick has 10 ms on every Linux that Node runs on.
    return 10_000 * (Number(fields[11]) + Number(fields[12]))
  }
  const stop = async () => {
    child.kill("SIGINT")
    await once(child, "exit")
  }
  return { port, cpu, stop }
}

const ask = (port, agent, path, body) =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) }
    const method = body === undefined ? "GET" : "POST"
    request({ host: "127.0.0.1", port, path, method, headers, agent }, (incoming) => {
      let text = ""
      incoming.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("end", () =>
        incoming.statusCode === 200 ? resolve(text) : reject(new Error(`${incoming.statusCode} ${text}`)))
    }).on("error", reject).end(body)
  })

const announcement = (at) =>
  JSON.stringify({
    node_id: `node-${at}`,
    tcp_port: 9_001 + at,
    cap: { proto: "2.0", transport: "tcp" },
    key: at.toString(16).padStart(64, "0")
  })

const loads = {
  announces: (port, agent, at) => ask(port, agent, "/announce", announcement(at % nodes)),
  pulls: (port, agent) => ask(port, agent, "/peers?limit=20")
}

/** Requests a second over kept connections, and the server's CPU time for one, in microseconds. */
const sample = async (name, load, seconds) => {
  const { cpu, port, stop } = await start(contenders[name])
  const agent = new Agent({ keepAlive: true, maxSockets: lanes })
  for (let at = 0; at < nodes; at++) await loads.announces(port, agent, at)
  const until = async (millis) => {
    const end = performance.now() + millis
    let done = 0
    const lane = async () => {
      while (performance.now() < end) await loads[load](port, agent, done++)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    return done
  }
  await until(500 * seconds)
  const before = cpu()
  const began = performance.now()
  const done = await until(1_000 * seconds)
  const result = { rate: (1_000 * done) / (performance.now() - began), cpuMicros: (cpu() - before) / done }
  agent.destroy()
  await stop()
  return result
}

/** The part of a core that a registry takes while the nodes come as nodes do: each anew, announcement, then pull. */
const share = async (name, seconds) => {
  const { cpu, port, stop } = await start(contenders[name])
  const visit = async (at) => {
    await ask(port, false, "/announce", announcement(at))
    await ask(port, false, "/peers?limit=20")
  }
  const before = cpu()
  const began = performance.now()
  const visits = []
  for (let at = 0; at < (nodes * 1_000 * seconds) / intervalMillis; at++) {
    await sleep(Math.max(0, began + (at * intervalMillis) / nodes - performance.now()))
    visits.push(visit(at % nodes))
  }
  await Promise.all(visits)
  const used = (cpu() - before) / (1_000 * (performance.now() - began))
  await stop()
  return used
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const main = async () => {
  const [rounds, seconds, shareSeconds] = [values.rounds, values.seconds, values.share].map(Number)
  console.log(
    `${rounds} interleaved rounds, ${seconds} s a sample, ${lanes} connections, ${nodes} nodes listed\n`
  )
  for (const load of Object.keys(loads)) {
    const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(contenders)) samples[name].push(await sample(name, load, seconds))
    }
    for (const [name, taken] of Object.entries(samples)) {
      const ratio = median(taken.map(({ rate }, round) => rate / samples["node:http"][round].rate))
      const rate = Math.round(median(taken.map(({ rate }) => rate)))
      const cpu = median(taken.map(({ cpuMicros }) => cpuMicros)).toFixed(0)
      console.log(
        `${load.padEnd(10)}${name.padEnd(11)}${String(rate).padStart(7)} /s   ratio ${
          ratio.toFixed(2)
        }   ${cpu} us CPU`
      )
    }
  }
  console.log()
  for (const name of Object.keys(contenders)) {
    const used = await share(name, shareSeconds)
    const every = `every ${intervalMillis / 1_000} s`
    console.log(`${nodes} nodes ${every}  ${name.padEnd(11)}${(100 * used).toFixed(2)} % of a core`)
  }
}

if (positionals[0] === "bare") bare()
else await main()
