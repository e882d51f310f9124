// A well-behaved client that watches the node while others misbehave.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";

import { Client } from "./client.mjs";

export class Neighbour {
  /// Has got its first update.
  static async watching(daemon, token, { interval = 1000 } = {}) {
    const neighbour = new Neighbour();
    neighbour.interval = interval;
    neighbour.client = new Client(daemon, { token, reconnection: false });
    neighbour.client.socket.io.on("ping", () => neighbour.pings.push(performance.now()));
    await neighbour.client.until("authenticated");
    neighbour.client.emit("subscribe_status", { interval });
    await neighbour.client.until("status_update");
    return neighbour;
  }

  pings = [];

  /// Whatever happened: updates and heartbeats came on time, up to now, on the connection that it had before. `late`:
  /// how much later than asked for; the machine has other things to do.
  undisturbed({ late = 2500, heartbeat = 1000 } = {}) {
    assert.deepEqual(this.client.all("disconnect"), []);
    assert.deepEqual(this.client.all("error"), []);
    const now = performance.now();
    const longest = (times) => Math.max(...[...times, now].map((at, i, all) => at - (i ? all[i - 1] : at)));
    const updates = longest(this.client.times("status_update"));
    assert.ok(updates < this.interval + late, `no update for ${updates} ms`);
    const pings = longest(this.pings);
    assert.ok(pings < heartbeat + late, `no heartbeat for ${pings} ms`);
  }
  leave() {
    this.client.leave();
  }
}
