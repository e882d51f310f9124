// The processes that are measured: where they run, what they cost.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { within } from "../../../integration/js/lib/wait.mjs";

/// The server has one core, whoever loads it the other.
export const onServerCore = ["taskset", "-c", "0"];
export const onClientCore = ["taskset", "-c", "1"];

/// CPU seconds of a process so far, all its living threads together, as the scheduler counts them.
export function cpuSeconds(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e9;
    } catch {
      return sum; // it ended in between
    }
  }, 0);
}

/// Anonymous memory of a process, in bytes.
export const anonymousBytes = (pid) =>
  Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/^RssAnon:\s+(\d+)/m)[1]) * 1024;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/// A child process of the bench. It dies with it, and says why if it dies before it is told to.
export class Child {
  constructor(command, { env = process.env } = {}) {
    this.name = command.find((word) => !/^(taskset|-c|\d+|node)$/.test(word)).replace(/.*\//, "");
    this.process = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.pid = this.process.pid;
    this.process.stderr.on("data", (piece) => (this.said = (this.said + piece).slice(-4000)));
    this.process.stdin.on("error", () => {});
    this.ended = new Promise((resolve) => this.process.on("close", resolve));
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }
  said = "";
  #lines;

  write(line) {
    this.process.stdin.write(`${line}\n`);
  }
  /// The next line of its output.
  async line(timeout = 60_000) {
    const { value, done } = await within(`a line of ${this.name}`, this.#lines.next(), timeout);
    if (done) throw new Error(`${this.name} ended: ${this.said}`);
    return value;
  }
  async stop() {
    this.process.stdin.end();
    this.process.kill("SIGTERM");
    await within(`the end of ${this.name}`, this.ended, 10_000);
  }
}

const tools = process.env.PILLARD_BENCH_TOOLS;
if (!tools) throw new Error("PILLARD_BENCH_TOOLS is not set; ./dev bench does");
export const tool = (name) => `${tools}/${name}`;

/// A server that emits lines, started on the server's core: {port, pid, stop()}.
export async function peer(kind, { rate, burst = 1 }) {
  const args = ["--listen", "127.0.0.1:0", "--rate", String(rate), "--burst", String(burst)];
  const command =
    kind === "bare" ? [tool("bare-broadcaster")] : ["node", new URL(`../peers/${kind}.mjs`, import.meta.url).pathname];
  const child = new Child([...onServerCore, ...command, ...args]);
  child.port = Number((await child.line()).match(/^listening (\d+)$/)[1]);
  return child;
}

/// Clients on the other core: `options` are those of pillard-load, with lists for what may come twice.
export class Load {
  static async start(options) {
    const words = Object.entries(options).flatMap(([name, value]) =>
      [value].flat().flatMap((one) => [`--${name}`, String(one)]),
    );
    const load = new Load();
    load.child = new Child([...onClientCore, tool("pillard-load"), ...words]);
    load.connected = await load.#event("connected");
    return load;
  }
  async #event(name, timeout) {
    const event = JSON.parse(await this.child.line(timeout));
    if (event.event !== name) throw new Error(`pillard-load: expected ${name}, got ${JSON.stringify(event)}`);
    return event;
  }
  flowing = (timeout) => this.#event("flowing", timeout);
  async mark() {
    this.child.write("mark");
    await this.#event("marked");
  }
  async report() {
    this.child.write("report");
    return this.#event("report");
  }
  send = (text) => this.child.write(`send ${text}`);
  stall = (count) => this.child.write(`stall ${count}`);
  stop = () => this.child.stop();
}

/// One probe after the other: [{open_us, connected_us, ready_us, asked_us, first_us}].
export async function probes(options) {
  const words = Object.entries(options).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [`--${name}`, String(one)]),
  );
  const child = new Child([...onClientCore, tool("pillard-load"), "probe", ...words]);
  const all = [];
  for (let i = 0; i < Number(options.count ?? 1); ++i) all.push(JSON.parse(await child.line()));
  await child.ended;
  return all;
}

/// What `pid` and its clients did in `seconds`: the report of the load with `cpu`, CPU seconds of `pid`.
export async function window(pid, load, seconds) {
  await load.mark();
  const before = cpuSeconds(pid);
  await sleep(seconds * 1000);
  const cpu = cpuSeconds(pid) - before;
  const report = await load.report();
  return { ...report, cpu, perMillion: (cpu / report.lines) * 1e6 };
}
