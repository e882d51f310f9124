// A process of this machine, as the kernel sees it.
import { readdirSync, readFileSync } from "node:fs";

/// What the daemon holds: {descriptors, resident (bytes), threads}.
export async function footprint(daemon) {
  const { pid } = daemon.process;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const figure = (name) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))[1]);
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    resident: figure("VmRSS") * 1024,
    threads: figure("Threads"),
  };
}
