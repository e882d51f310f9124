// How soon somebody who comes to what runs already sees something, and what a thousand of them cost the node.
import { Client } from "../../../integration/js/lib/client.mjs";
import { clientOf, pillard } from "../lib/pillard.mjs";
import { Load, median, probes, sleep } from "../lib/processes.mjs";

const status = ["subscribe_status", { interval: 5000 }];
const logs = ["subscribe_logs", { service: "execution" }];

export const measure = async ({ short, log }) => {
  const daemon = await pillard();
  try {
    const keeper = new Client(daemon, { token: await daemon.session(), reconnection: false });
    await keeper.until("authenticated");
    keeper.emit(...status);
    keeper.emit(...logs);
    await keeper.until("status_update");
    await keeper.until("log_data");
    const first = async (message, event) => {
      const client = await clientOf(daemon, [message]);
      const all = await probes({ ...client, event, count: short ? 10 : 200, pause: 10 });
      return median(all.map((one) => (one.first_us - one.asked_us) / 1000));
    };
    const state = await first(status, "status_update");
    const line = await first(logs, "log_data");
    log(`warm: first status ${state.toFixed(3)} ms, first line ${line.toFixed(3)} ms`);

    // A thousand at once: what they all make the node run.
    const connections = short ? 100 : 1000;
    const load = await Load.start({ ...(await clientOf(daemon, [status])), connections, sources: 8 });
    await sleep(2000);
    const seconds = short ? 10 : 40;
    const before = await daemon.metric("pillard_ssh_commands_total");
    await sleep(seconds * 1000);
    const after = await daemon.metric("pillard_ssh_commands_total");
    await load.stop();
    keeper.leave();
    const rate = (after - before) / seconds;
    log(`warm: ${connections} status subscribers make ${rate.toFixed(2)} execs a second`);
    return {
      rows: [
        { figure: "first status on a live topic", unit: "ms", pillard: state, goal: 1, met: state <= 1 },
        { figure: "first line on a live topic", unit: "ms", pillard: line, goal: 1, met: line <= 1 },
        { figure: `execs a second for ${connections} status subscribers at 5 s`, unit: "", pillard: rate, goal: 0.2, met: rate <= 0.2 + 1 / seconds },
      ],
    };
  } finally {
    await daemon.stop();
  }
};
