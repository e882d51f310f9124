// From nothing: no SSH connection stands. Beside it what OpenSSH's own client needs to log in to the same machine.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { until } from "../../../integration/js/lib/wait.mjs";
import { clientOf, pillard } from "../lib/pillard.mjs";
import { median, onClientCore, probes } from "../lib/processes.mjs";
import { reference } from "./journal.mjs";
import { openssh } from "./ssh.mjs";

const run = promisify(execFile);

/// Milliseconds of `ssh ... true` with the password, as the daemon logs in.
async function loginTime(tries) {
  const { words, env } = openssh();
  const times = [];
  for (let i = 0; i < tries; ++i) {
    const begin = performance.now();
    await run("setsid", ["--wait", ...onClientCore, ...words, "true"], { env });
    times.push(performance.now() - begin);
  }
  return median(times);
}

const asks = [
  { name: "first status", message: ["subscribe_status", { interval: 5000 }], event: "status_update", goal: 20 },
  { name: "first line", message: ["subscribe_logs", { service: "execution" }], event: "log_data", goal: 25 },
];

export const measure = async ({ short, log }) => {
  const tries = short ? 2 : 9;
  const ours = { ready: [] };
  const theirs = { ready: [] };
  const daemon = await pillard({ set: { "ssh.linger": 0 } });
  const old = await reference();
  try {
    for (const { name, message, event } of asks) {
      ours[name] = [];
      theirs[name] = [];
      for (let i = 0; i < tries; ++i) {
        const client = await clientOf(daemon, [message]);
        await until("no SSH connection", async () => (await daemon.metric("pillard_ssh_connections")) === 0, { timeout: 20_000 });
        const [probe] = await probes({ ...client, event });
        ours.ready.push(probe.ready_us / 1000);
        ours[name].push(probe.first_us / 1000);
      }
    }
    for (const { name, message, event } of asks)
      for (let i = 0; i < tries; ++i) {
        const again = i === 0 && name === asks[0].name ? old : await reference();
        const [probe] = await probes({
          connect: `127.0.0.1:${again.port}`, mode: "socketio", token: "bench", await: "authenticated",
          send: `42${JSON.stringify(message)}`, event,
        });
        theirs.ready.push(probe.ready_us / 1000);
        theirs[name].push(probe.first_us / 1000);
        if (again !== old) await again.stop();
      }
  } finally {
    await old.stop();
    await daemon.stop();
  }
  const ssh = await loginTime(tries);
  log(`cold: authenticated ${median(ours.ready).toFixed(1)} ms, ${asks.map(({ name }) => `${name} ${median(ours[name]).toFixed(1)} ms`).join(", ")}; OpenSSH ${ssh.toFixed(1)} ms`);
  const row = (figure, mine, other, more) => ({
    figure: `cold: connect to ${figure}`, unit: "ms", pillard: median(mine), peer: median(other), peerName: "Node, ssh2",
    ratio: median(mine) / median(other), goal: ssh + more, met: median(mine) <= ssh + more,
  });
  return {
    rows: [
      row("authenticated", ours.ready, theirs.ready, 10),
      ...asks.map(({ name, goal }) => row(name, ours[name], theirs[name], goal)),
      { figure: "cold: OpenSSH's own login", unit: "ms", peer: ssh, peerName: "ssh" },
    ],
    details: { cold: { ours, theirs, ssh } },
  };
};
