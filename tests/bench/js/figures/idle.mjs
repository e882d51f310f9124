// What a client costs that is there and does nothing: memory, CPU to connect, CPU between heartbeats.
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Load, anonymousBytes, cpuSeconds, median, sleep } from "../lib/processes.mjs";

/// CPU milliseconds a second of a daemon that nobody asks for anything.
async function perSecond(pid, short) {
  const seconds = short ? 1 : 5;
  const before = cpuSeconds(pid);
  await sleep(seconds * 1000);
  return ((cpuSeconds(pid) - before) / seconds) * 1000;
}

export const measure = async ({ rounds, short, log }) => {
  const connections = short ? 500 : 10_000;
  const all = [];
  for (let i = 0; i < rounds; ++i) {
    // No heartbeat falls into the quiet seconds.
    const daemon = await pillard({ set: { "engine.ping_interval": 120_000, "engine.ping_timeout": 120_000 } });
    try {
      const client = await clientOf(daemon);
      const { pid } = daemon.process;
      // The first ones fill what is kept for all.
      const warm = await Load.start({ ...client, connections: 100, sources: 8 });
      await warm.stop();
      const alone = await perSecond(pid, short);
      const before = { memory: anonymousBytes(pid), cpu: cpuSeconds(pid) };
      const load = await Load.start({ ...client, connections, sources: 8 });
      const connect = ((cpuSeconds(pid) - before.cpu) / connections) * 1000;
      await sleep(1000);
      const memory = (anonymousBytes(pid) - before.memory) / connections;
      const idle = (await perSecond(pid, short)) - alone;
      await load.stop();
      await sleep(1000);
      const left = (anonymousBytes(pid) - before.memory) / connections;
      log(`idle ${i + 1}/${rounds}: ${memory.toFixed(0)} bytes (${left.toFixed(0)} kept), ${connect.toFixed(3)} ms, ${idle.toFixed(2)} ms/s`);
      all.push({ memory, connect, idle, left });
    } finally {
      await daemon.stop();
    }
  }
  const of = (name) => median(all.map((one) => one[name]));
  return {
    rows: [
      { figure: `memory an idle connection of ${connections}`, unit: "bytes", pillard: of("memory"), goal: 2048, met: of("memory") <= 2048 },
      { figure: "CPU a connect with login by token", unit: "ms", pillard: of("connect"), goal: 0.12, met: of("connect") <= 0.12 },
      { figure: `CPU of ${connections} idle connections between heartbeats, more than of none`, unit: "ms/s", pillard: of("idle"), goal: 1, met: of("idle") <= 1 },
    ],
    details: { idle: all },
  };
};
