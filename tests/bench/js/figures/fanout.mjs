// What it costs to give each line to 1,000 subscribers: beside Node's Socket.IO and ws, and beside a loop that does
// nothing else.
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Load, median, peer, window } from "../lib/processes.mjs";

const rate = 50;

/// One server of each kind, one after the other: {pillard, socketio, ws, bare}, each a window().
export async function round({ connections, burst, seconds, kinds = ["pillard", "socketio", "ws", "bare"], lines = rate }) {
  const results = {};
  for (const kind of kinds) {
    const server = kind === "pillard" ? await pillard({ lines: true }) : await peer(kind, { rate: lines, burst });
    try {
      const client =
        kind === "pillard"
          ? await clientOf(server, [["subscribe_lines", { rate: lines, burst }]])
          : { connect: `127.0.0.1:${server.port}`, mode: kind === "socketio" ? "socketio" : "ws" };
      const load = await Load.start({ ...client, connections, sources: 8 });
      await load.flowing();
      results[kind] = await window(server.pid ?? server.process.pid, load, seconds);
      await load.stop();
    } finally {
      await server.stop();
    }
  }
  return results;
}

const figures = [
  { name: "fanout", burst: 1, goal: 0.65, title: "one by one" },
  { name: "bursts", burst: 16, goal: 0.065, title: "bursts of 16" },
];

export const measure = async ({ rounds, seconds, short, log }) => {
  const rows = [];
  const details = {};
  for (const { name, burst, goal, title } of figures) {
    const all = [];
    for (let i = 0; i < rounds; ++i) {
      const one = await round({ connections: short ? 200 : 1000, burst, seconds });
      log(`${name} ${i + 1}/${rounds}: ${Object.entries(one).map(([kind, w]) => `${kind} ${w.perMillion.toFixed(2)}`).join(", ")}`);
      all.push(one);
    }
    const cost = (kind) => median(all.map((one) => one[kind].perMillion));
    const p99 = (kind) => median(all.map((one) => one[kind].latency_us.p99 / 1000));
    const ratio = (kind) => median(all.map((one) => one.pillard.perMillion / one[kind].perMillion));
    const what = `CPU a million deliveries, ${title}`;
    const lost = all.reduce((sum, one) => sum + one.pillard.lost + one.pillard.repeated, 0);
    rows.push({ figure: what, unit: "s", pillard: cost("pillard"), peer: cost("socketio"), peerName: "socket.io", ratio: ratio("socketio"), goal: `ratio ${goal}`, met: ratio("socketio") <= goal });
    rows.push({ figure: what, unit: "s", pillard: cost("pillard"), peer: cost("ws"), peerName: "ws", ratio: ratio("ws") });
    rows.push({ figure: what, unit: "s", pillard: cost("pillard"), peer: cost("bare"), peerName: "bare loop", ratio: ratio("bare"), ...(burst > 1 && { goal: "ratio 1.5", met: ratio("bare") <= 1.5 }) });
    rows.push({ figure: `latency p99, ${title}`, unit: "ms", pillard: p99("pillard"), peer: p99("bare"), peerName: "bare loop", ratio: null, goal: p99("bare") + 6, met: p99("pillard") <= p99("bare") + 6 });
    rows.push({ figure: `latency p99, ${title}`, unit: "ms", pillard: p99("pillard"), peer: p99("socketio"), peerName: "socket.io", ratio: p99("pillard") / p99("socketio") });
    rows.push({ figure: `lines lost or repeated, ${title}`, unit: "", pillard: lost, goal: 0, met: lost === 0 });
    details[name] = all;
  }
  return { rows, details };
};
