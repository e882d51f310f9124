// One log of a real journal, 1,000 lines a second for 500 subscribers; and a command's 5,000 lines a second for nine.
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { fault, node, onNode } from "../../../integration/js/lib/target.mjs";
import { until } from "../../../integration/js/lib/wait.mjs";
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Child, Load, median, onServerCore, sleep, tool, window } from "../lib/processes.mjs";

async function journal({ short, seconds, rounds, log }) {
  const connections = short ? 50 : 500;
  const rate = short ? 200 : 1000;
  const results = [];
  for (let i = 0; i < rounds; ++i) {
    const daemon = await pillard();
    await onNode("systemd-run", "--quiet", "--collect", "--unit=flood", "flood", String(rate));
    try {
      const client = await clientOf(daemon, [["subscribe_logs", { service: "flood" }]]);
      const load = await Load.start({ ...client, connections, sources: 8 });
      await load.flowing();
      await sleep(1000);
      const result = await window(daemon.process.pid, load, seconds);
      // journald wakes its readers every 250 ms at most: what a reader on the node itself sees is where we begin.
      const follow = "journalctl --follow --lines=0 --unit=flood --output=cat | flood measure";
      result.onNode = JSON.parse(await onNode("sh", "-c", follow));
      results.push(result);
      log(`journal ${i + 1}/${rounds}: ${result.served} of ${connections} served, ${result.fewest}-${result.most} lines, ${result.lost} lost, p99 ${(result.latency_us.p99 / 1000).toFixed(1)} ms (on the node ${(result.onNode.p99 / 1000).toFixed(1)}), ${result.perMillion.toFixed(2)} CPU-s a million`);
      await load.stop();
    } finally {
      await onNode("systemctl", "stop", "flood").catch(() => {});
      await daemon.stop();
    }
  }
  const worst = (of) => Math.max(...results.map(of));
  const served = Math.min(...results.map((one) => one.served));
  const broken = worst((one) => one.lost + one.repeated);
  const p99 = median(results.map((one) => one.latency_us.p99 / 1000));
  const there = median(results.map((one) => one.onNode.p99 / 1000));
  const what = `a journal's ${rate} lines/s for ${connections}`;
  return {
    rows: [
      { figure: `${what}: served`, unit: "", pillard: served, peer: null, goal: connections, met: served === connections },
      { figure: `${what}: lines lost or repeated`, unit: "", pillard: broken, goal: 0, met: broken === 0 },
      { figure: `${what}: latency p99 from the program's write`, unit: "ms", pillard: p99, peer: there, peerName: "journalctl -f on the node", goal: there + 50, met: p99 <= there + 50 },
      { figure: `${what}: CPU a million deliveries`, unit: "s", pillard: median(results.map((one) => one.perMillion)) },
    ],
    details: { journal: results },
  };
}

async function command({ short, seconds, rounds, log }) {
  const rate = short ? 1000 : 5000;
  await onNode("sh", "-c", "echo MaxSessions 100 >> /etc/ssh/sshd_config && systemctl reload ssh");
  const all = { pillard: [], reference: [] };
  try {
    for (let i = 0; i < rounds; ++i) {
      for (const kind of ["pillard", "reference"]) {
        const daemon = kind === "pillard" ? await pillard({ lines: true }) : await reference();
        try {
          const client =
            kind === "pillard"
              ? await clientOf(daemon, [["subscribe_command", { argv: ["flood", String(rate)] }]])
              : {
                  connect: `127.0.0.1:${daemon.port}`, mode: "socketio", token: "bench", await: "authenticated",
                  send: `42${JSON.stringify(["subscribe_command", { command: `flood ${rate}` }])}`,
                };
          const load = await Load.start({ ...client, connections: 9 });
          await load.flowing();
          await sleep(500);
          const result = await window(daemon.pid ?? daemon.process.pid, load, seconds);
          all[kind].push(result);
          log(`command ${i + 1}/${rounds}: ${kind} ${result.perMillion.toFixed(2)} CPU-s a million, ${result.lines} lines, ${result.lost + result.repeated} broken`);
          await load.stop();
        } finally {
          await daemon.stop();
        }
      }
    }
  } finally {
    await onNode("sh", "-c", "sed -i '/^MaxSessions 100$/d' /etc/ssh/sshd_config && systemctl reload ssh").catch(() => {});
  }
  const middle = (list) => median(list.map((one) => one.perMillion));
  // A number whose line came in two pieces is missed: the first piece has no end, the second no beginning.
  const broken = (list) => list.reduce((sum, one) => sum + one.lost + one.repeated + one.messages - one.lines, 0);
  const [ours, theirs] = [middle(all.pillard), middle(all.reference)];
  return {
    rows: [
      { figure: `a command's ${rate} lines/s for 9: CPU a million`, unit: "s", pillard: ours, peer: theirs, peerName: "Node, ssh2", ratio: ours / theirs, goal: 3, met: ours <= 3 },
      { figure: `a command's ${rate} lines/s for 9: lines broken`, unit: "", pillard: broken(all.pillard), peer: broken(all.reference), peerName: "Node, ssh2", goal: 0, met: broken(all.pillard) === 0 },
    ],
    details: { command: all },
  };
}

/// The old server's way, with one session.
export async function reference(cores = onServerCore) {
  const file = join(process.env.PILLARD_TARGET_DIR, "bench-sessions.json");
  writeFileSync(file, JSON.stringify({ bench: { host: node.host, port: node.port, username: node.user, password: node.password } }), { mode: 0o600 });
  const path = new URL("../peers/reference.mjs", import.meta.url).pathname;
  const child = new Child([...cores, "node", path, "--listen", "127.0.0.1:0", "--sessions", file]);
  child.port = Number((await child.line()).match(/^listening (\d+)$/)[1]);
  return child;
}

export const measure = async (options) => {
  await fault("journal", "RateLimitIntervalSec=0");
  await until("journald", async () => (await onNode("systemctl", "is-active", "systemd-journald")).trim() === "active");
  copyFileSync(tool("flood"), join(process.env.PILLARD_TARGET_DIR, "rootfs/usr/local/bin/flood"));
  const first = await journal(options);
  const second = await command(options);
  return { rows: [...first.rows, ...second.rows], details: { ...first.details, ...second.details } };
};
