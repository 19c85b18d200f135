// The worker's entry: passes requests and alarms on to the wasm module, and keeps the worker usable after a panic. A panic
// leaves the module's memory in an unknown state, so the next call gets a new instance of the module, in which each Durable
// Object gets a new object of its own.
import module from "./build/index_bg.wasm";
import * as edge from "./build/index.js";

edge.initSync({ module });
// Kept by the worker crate: the number of the instance in use, and whether it has panicked.
const life = edge.__worker_init_state();

function examine(error) {
  // Not every trap is a panic: an exhausted stack or memory is none.
  if (error instanceof WebAssembly.RuntimeError) life.criticalError = true;
}

addEventListener("error", ({ error }) => examine(error));

async function guarded(call) {
  if (life.criticalError) {
    console.warn("the wasm module trapped: using a new instance of it");
    edge.__wbg_reset_state();
    life.criticalError = false;
  }
  try {
    return await call();
  } catch (error) {
    examine(error);
    throw error;
  }
}

// A Durable Object whose state and environment outlive the wasm instance that `Inner`'s objects live in.
const durable = (Inner) =>
  class {
    #state;
    #env;
    #inner;
    #instance;

    constructor(state, env) {
      this.#state = state;
      this.#env = env;
    }

    #current() {
      if (this.#instance !== life.instanceId) {
        this.#inner = new Inner(this.#state, this.#env);
        this.#instance = life.instanceId;
      }
      return this.#inner;
    }

    fetch(request) {
      return guarded(() => this.#current().fetch(request));
    }

    alarm() {
      return guarded(() => this.#current().alarm());
    }

    webSocketMessage(socket, message) {
      return guarded(() => this.#current().webSocketMessage(socket, message));
    }

    webSocketClose(socket, code, reason, wasClean) {
      return guarded(() => this.#current().webSocketClose(socket, code, reason, wasClean));
    }

    webSocketError(socket, error) {
      return guarded(() => this.#current().webSocketError(socket, error));
    }
  };

export const App = durable(edge.App);
export const Carried = durable(edge.Carried);
export const Gateway = durable(edge.Gateway);
export const Channel = durable(edge.Channel);
export const Feed = durable(edge.Feed);
export const Fleet = durable(edge.Fleet);
export const Joiner = durable(edge.Joiner);
export const Line = durable(edge.Line);
export const Listener = durable(edge.Listener);
export const Lobby = durable(edge.Lobby);
export const Node = durable(edge.Node);
export const Recorder = durable(edge.Recorder);
export const Room = durable(edge.Room);
export const Upload = durable(edge.Upload);

// The page that leads on. What else is asked of its path is no page, and is answered as any path that there is not.
const asksForStartPage = ({ method, url }) => ["GET", "HEAD"].includes(method) && new URL(url).pathname === "/";

export default {
  fetch: (request, env, context) =>
    asksForStartPage(request) ? env.ASSETS.fetch(request) : guarded(() => edge.fetch(request, env, context)),
};
