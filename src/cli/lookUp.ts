/**
 * Names are looked up by a process of their own. The system's look-up cannot be cancelled, and Node waits for it even
 * in `process.exit`: with a dead name server a node would need ten seconds to end.
 */
import { type ChildProcess, execFile } from "node:child_process"
import { lookup as lookupHere, type LookupAddress } from "node:dns"
import { type LookupFunction, Socket } from "node:net"
import * as Limits from "../domain/Limits.js"

const running = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** `dns.lookup` with its rules, which holds nothing back. A name of this host itself is looked up as usual. */
export const lookUp: LookupFunction = (hostname, options, callback) => {
  if (/^(.*\.)?localhost$/i.test(hostname)) return lookupHere(hostname, options, callback)
  const done = (error: Error | null, output: string) => {
    running.delete(child)
    const { code, found = [] } = parse(error === null ? output : "{}")
    const [first] = found
    if (first === undefined) {
      callback(Object.assign(new Error(`no address of ${hostname}`), { code: code ?? "EAI_AGAIN" }), "")
    } else if (options.all === true) callback(null, found)
    else callback(null, first.address, first.family)
  }
  const argv = ["-e", script, "--", hostname, JSON.stringify({ ...options, all: true })]
  const child = execFile(
    process.execPath,
    argv,
    { timeout: Limits.defaults.dialMillis, windowsHide: true },
    done
  )
  running.add(child)
  child.unref()
  for (const pipe of [child.stdin, child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref()
}

interface Answer {
  readonly code?: string
  readonly found?: Array<LookupAddress>
}

const script = `require("node:dns").lookup(process.argv[1], JSON.parse(process.argv[2]), (error, found) =>
  process.stdout.write(JSON.stringify(error ? { code: error.code } : { found })))`

const parse = (output: string): Answer => output.startsWith("{") ? JSON.parse(output) as Answer : {}
