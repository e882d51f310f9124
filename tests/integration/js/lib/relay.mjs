// A network between a client and a port of this machine, that can be cut.
import net from "node:net";

export class Relay {
  static async start(t, to) {
    const relay = new Relay();
    relay.server = net.createServer((near) => {
      const far = net.connect(to, "127.0.0.1");
      for (const [one, other] of [[near, far], [far, near]]) {
        relay.#sockets.add(one);
        one.pipe(other);
        one.on("error", () => {});
        one.on("close", () => {
          relay.#sockets.delete(one);
          other.destroy();
        });
      }
      near.on("data", (piece) => (relay.#said += piece.toString("latin1")));
    });
    await new Promise((resolve) => relay.server.listen(0, "127.0.0.1", resolve));
    relay.port = relay.server.address().port;
    t.after(() => {
      relay.server.close();
      relay.cut();
    });
    return relay;
  }

  #sockets = new Set();
  #said = "";

  /// How many GET requests there were below `path`.
  asked(path) {
    return this.#said.split(`GET ${path}`).length - 1;
  }
  /// Resets what is connected now, wherever in the stream that is.
  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
