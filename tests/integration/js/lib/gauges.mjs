// What a leak shows in: of one daemon, before and after its guests.
import assert from "node:assert/strict";

import { footprint } from "./process.mjs";
import { until } from "./wait.mjs";

export class Gauges {
  /// As they are now: what is above this later is a leak.
  static async of(daemon) {
    const gauges = new Gauges();
    gauges.daemon = daemon;
    await until("the connections to nodes to be gone", async () => (await daemon.metric("pillard_ssh_connections")) === 0);
    gauges.base = await gauges.read();
    return gauges;
  }

  /// What a connection, a session, a request or a timer would be missed in.
  async read() {
    const figure = (name) => this.daemon.metric(`pillard_${name}`);
    return {
      connections: await figure("connections_open"),
      clients: await figure("clients_authenticated"),
      subscriptions: await figure("subscriptions"),
      topics: await figure("topics"),
      timers: await figure("reactor_timers"),
      descriptors: (await footprint(this.daemon)).descriptors,
    };
  }
  /// Waits until they are where they were; the daemon serves then as before.
  async back(options) {
    let now;
    const fits = async () => {
      now = await this.read();
      return Object.keys(this.base).every((name) => now[name] <= this.base[name]);
    };
    await until("the gauges to be back", fits, { every: 100, ...options }).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.base)} before, now ${JSON.stringify(now)}`);
    });
    assert.equal((await this.daemon.get("/healthz")).status, 200);
  }
}
