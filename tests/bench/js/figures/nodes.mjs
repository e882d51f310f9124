// Many nodes on one loop: one machine under as many addresses, each a node to the daemon, with a session of its own.
import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { Redis, key, oldRecord } from "../../../integration/js/lib/redis.mjs";
import { node, onNode } from "../../../integration/js/lib/target.mjs";
import { origin, pillard } from "../lib/pillard.mjs";
import { Load, sleep, tool, window } from "../lib/processes.mjs";

const run = promisify(execFile);
const network = "10.213.77";

export const measure = async ({ short, seconds, log }) => {
  const count = short ? 5 : 200;
  const redis = await Redis.start();
  let daemon;
  copyFileSync(tool("flood"), join(process.env.PILLARD_TARGET_DIR, "rootfs/usr/local/bin/flood"));
  await onNode("sh", "-c", "echo MaxStartups 1000 >> /etc/ssh/sshd_config && systemctl reload ssh");
  await onNode("sh", "-c", `for i in $(seq ${count}); do ip address add ${network}.$i/32 dev lo; done`);
  await run("ip", ["route", "add", `${network}.0/24`, "via", node.host]);
  try {
    daemon = await pillard({ lines: true, set: { "redis.url": redis.url } });
    const tokens = [];
    for (let i = 1; i <= count; ++i) {
      tokens.push(crypto.randomUUID());
      await redis.ask("SETEX", key(tokens.at(-1)), 10200, oldRecord({ ...node, host: `${network}.${i}` }));
    }
    const message = ["subscribe_command", { argv: ["flood", "4"] }];
    const load = await Load.start({
      connect: `127.0.0.1:${daemon.port}`, mode: "socketio", origin, token: tokens, await: "authenticated",
      send: `42${JSON.stringify(message)}`, connections: count, "at-once": 16,
    });
    await load.flowing(300_000);
    await sleep(2000);
    const result = await window(daemon.process.pid, load, seconds);
    await load.stop();
    const share = (result.cpu / result.seconds) * 100;
    log(`nodes: ${count} nodes take ${share.toFixed(1)} % of a core; ${result.lines} lines, ${result.lost} lost`);
    return {
      rows: [{ figure: `${count} nodes with 4 lines/s each, of one core`, unit: "%", pillard: share, goal: 10, met: share <= 10 }],
      details: { nodes: result },
    };
  } finally {
    await daemon?.stop();
    await redis.stop();
    await run("ip", ["route", "del", `${network}.0/24`]).catch(() => {});
    await onNode("sh", "-c", `for i in $(seq ${count}); do ip address del ${network}.$i/32 dev lo; done`).catch(() => {});
    await onNode("sh", "-c", "sed -i '/^MaxStartups 1000$/d' /etc/ssh/sshd_config && systemctl reload ssh").catch(() => {});
  }
};
