// The plots of docs/performance.md, of what was measured of them.
import { barChart, lineChart } from "./plot.mjs";

const names = { pillard: "pillard", socketio: "socket.io", ws: "ws", bare: "bare loop" };
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/// {name: SVG} of a run's details.
export function plots(details) {
  const all = {};
  const bars = (rounds, of) =>
    Object.entries(names).map(([kind, label]) => ({
      label,
      value: median(rounds.map((one) => of(one[kind]))),
      kind: kind === "pillard" ? "pillard" : "peer",
    }));
  if (details.fanout) all.fanout = barChart({ title: "CPU a million deliveries, 1,000 subscribers, line by line", unit: "s", bars: bars(details.fanout, (one) => one.perMillion) });
  if (details.bursts) all.bursts = barChart({ title: "CPU a million deliveries, 1,000 subscribers, bursts of 16", unit: "s", bars: bars(details.bursts, (one) => one.perMillion) });
  if (details.fanout) all.latency = barChart({ title: "Latency p99, 1,000 subscribers, line by line", unit: "ms", bars: bars(details.fanout, (one) => one.latency_us.p99 / 1000) });
  if (details.growth)
    all.growth = lineChart({
      title: "CPU a million deliveries, bursts of 16",
      x: { label: "subscribers", log: true },
      y: { label: "CPU seconds", unit: "s" },
      series: ["pillard", "bare"].map((kind) => ({
        name: names[kind],
        points: details.growth.map((point) => [point.connections, point[kind]]),
      })),
    });
  return all;
}
