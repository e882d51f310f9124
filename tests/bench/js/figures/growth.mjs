// Whether a delivery costs the same for ten subscribers and for ten thousand.
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Load, median, peer, window } from "../lib/processes.mjs";

// So many lines a second that each step makes about as many deliveries.
const steps = [
  { connections: 10, lines: 1600 },
  { connections: 100, lines: 800 },
  { connections: 1000, lines: 160 },
  { connections: 10_000, lines: 16 },
];

export const measure = async ({ rounds, seconds, short, log }) => {
  const points = [];
  for (const { connections, lines } of short ? steps.slice(0, 2) : steps) {
    const costs = { pillard: [], bare: [] };
    for (let i = 0; i < rounds; ++i)
      for (const kind of ["pillard", "bare"]) {
        const burst = 16;
        const server = kind === "pillard" ? await pillard({ lines: true }) : await peer("bare", { rate: lines, burst });
        try {
          const client =
            kind === "pillard"
              ? await clientOf(server, [["subscribe_lines", { rate: lines, burst }]])
              : { connect: `127.0.0.1:${server.port}`, mode: "ws" };
          const load = await Load.start({ ...client, connections, sources: 8 });
          await load.flowing();
          costs[kind].push((await window(server.pid ?? server.process.pid, load, seconds)).perMillion);
          await load.stop();
        } finally {
          await server.stop();
        }
      }
    const point = { connections, pillard: median(costs.pillard), bare: median(costs.bare) };
    log(`growth: ${connections} subscribers: pillard ${point.pillard.toFixed(2)}, bare ${point.bare.toFixed(2)} CPU-s a million`);
    points.push(point);
  }
  const [first, last] = [points[0], points.at(-1)];
  const growth = last.pillard / first.pillard;
  const bare = last.bare / first.bare;
  return {
    rows: [
      { figure: `CPU a delivery, ${last.connections} subscribers against ${first.connections}`, unit: "x", pillard: growth, peer: bare, peerName: "bare loop", ratio: growth / bare, goal: 1.2, met: growth <= 1.2 },
    ],
    details: { growth: points },
  };
};
