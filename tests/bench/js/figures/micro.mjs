// The way of one line without sockets.
import { Child, median, onServerCore, tool } from "../lib/processes.mjs";

export const measure = async ({ rounds, short, log }) => {
  const all = [];
  for (let i = 0; i < (short ? 1 : rounds); ++i) {
    const child = new Child([...onServerCore, tool("micro")]);
    const lines = [];
    for (let j = 0; j < 3; ++j) lines.push(JSON.parse(await child.line()));
    await child.ended;
    all.push(lines);
  }
  const [way, publish, poco] = [0, 1, 2].map((at) => median(all.map((lines) => lines[at].ns)));
  log(`micro: ${(1e9 / way).toFixed(0)} lines/s from entry to frame, publish ${publish.toFixed(0)} ns, Poco ${poco.toFixed(0)} ns`);
  return {
    rows: [
      { figure: "lines a second from journal entry to shared frame", unit: "", pillard: 1e9 / way, goal: 500_000, met: way <= 2000 },
      { figure: "JSON of an SDK publish, checked", unit: "ns", pillard: publish, peer: poco, peerName: "Poco::JSON", ratio: publish / poco },
    ],
    details: { micro: all },
  };
};
