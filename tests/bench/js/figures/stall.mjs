// A client that stops reading while a log floods, and one that comes and goes at once: what they leave.
import { Client } from "../../../integration/js/lib/client.mjs";
import { followers } from "../../../integration/js/lib/target.mjs";
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Load, anonymousBytes, sleep } from "../lib/processes.mjs";

async function stopped({ short, log }) {
  const daemon = await pillard({ lines: true });
  try {
    const client = await clientOf(daemon, [["subscribe_lines", { rate: 5000, burst: 25 }]]);
    const load = await Load.start({ ...client, connections: 2, sources: 1 });
    await load.flowing();
    await sleep(1000);
    const { pid } = daemon.process;
    const before = anonymousBytes(pid);
    load.stall(1);
    let most = 0;
    for (let i = 0; i < (short ? 20 : 120); ++i) {
      await sleep(250);
      most = Math.max(most, anonymousBytes(pid) - before);
    }
    const report = await load.report();
    await load.stop();
    const grown = most / 1024 / 1024;
    log(`stall: ${grown.toFixed(2)} MiB more; its neighbour got ${report.lines} lines, ${report.lost} lost`);
    return [
      { figure: "memory for a reader that stops at 5,000 lines/s", unit: "MiB", pillard: grown, goal: 1, met: grown <= 1 },
      { figure: "lines that its neighbour lost", unit: "", pillard: report.lost, goal: 0, met: report.lost === 0 },
    ];
  } finally {
    await daemon.stop();
  }
}

async function hasty({ log }) {
  const daemon = await pillard();
  try {
    const client = new Client(daemon, { token: await daemon.session(), reconnection: false });
    await client.until("authenticated");
    for (let i = 0; i < 8; ++i) {
      client.emit("subscribe_logs", { service: "execution" });
      client.emit("unsubscribe_logs", { service: "execution" });
    }
    await client.ask("unsubscribe_logs", { service: "execution" });
    await sleep(2000 + 1000); // the linger, and a second
    const left = (await followers()).length;
    client.leave();
    log(`leave: ${left} commands left on the node`);
    return [{ figure: "commands left a second after the linger of 8 hasty subscriptions", unit: "", pillard: left, goal: 0, met: left === 0 }];
  } finally {
    await daemon.stop();
  }
}

export const measure = async (options) => ({ rows: [...(await stopped(options)), ...(await hasty(options))] });
