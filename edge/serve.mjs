// Serves the edge on one machine: the worker in workerd, with the bindings of wrangler.toml and its state in a directory.
// `wrangler dev` would put a proxy of its own before the worker, and end when a connection between the two is lost.
import { createConnection } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";

const USAGE = `usage: node edge/serve.mjs --state DIRECTORY [--host ADDRESS] [--port PORT]

Serves the edge that scripts/build has built. Each TAPEDECK_ variable of the environment is a variable or a secret of the worker:
docs/operations.md lists them.

  --state DIRECTORY  where the objects and the key-value namespace are kept
  --host ADDRESS     where it listens (127.0.0.1)
  --port PORT        (8787)
`;
/// How often it looks whether workerd still lives, which says nothing when it ends.
const LOOK_MS = 500;

/** What stands between slashes and is longer than people make it. */
const LONG_SEGMENT = /(?<=\/)([\w-]{6})[\w.~%-]{14,}/g;

/** Tells of each request without what nobody but its caller is to know: the address of a session by WebRTC, or a link to a file. */
class DiscreetLog extends Log {
  logWithLevel(level, message) {
    super.logWithLevel(level, level === LogLevel.INFO ? message.replaceAll(LONG_SEGMENT, "$1…") : message);
  }
}

const root = fileURLToPath(new URL("..", import.meta.url));

function options() {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8787" },
      state: { type: "string" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (!values.state) throw new Error("say with --state where the edge keeps its state");
  return { ...values, port: Number(values.port), state: resolve(values.state) };
}

function settings({ host, port, state }) {
  const { workerOptions, main } = workerOptionsOf(resolve(root, "wrangler.toml"));
  const variables = Object.entries(process.env).filter(([name, value]) => name.startsWith("TAPEDECK_") && value !== "");
  return {
    host,
    port,
    cf: false,
    log: new DiscreetLog(LogLevel.INFO, { prefix: "edge" }),
    defaultPersistRoot: state,
    durableObjectsPersist: resolve(state, "do"),
    kvPersist: resolve(state, "kv"),
    workers: [
      {
        ...workerOptions,
        name: "tapedeck-edge",
        modules: true,
        modulesRules: [{ type: "ESModule", include: ["**/*.js"] }, ...workerOptions.modulesRules],
        modulesRoot: root,
        scriptPath: main,
        bindings: { ...workerOptions.bindings, ...Object.fromEntries(variables) },
      },
    ],
  };
}

function endsWithWorkerd({ host, port }) {
  const socket = createConnection({ host, port });
  socket.on("connect", () => {
    socket.destroy();
    setTimeout(endsWithWorkerd, LOOK_MS, { host, port });
  });
  socket.on("error", (error) => {
    if (error.code !== "ECONNREFUSED") {
      setTimeout(endsWithWorkerd, LOOK_MS, { host, port });
      return;
    }
    console.error(`edge: workerd has ended: nothing listens at ${host}:${port} any more`);
    process.exit(1);
  });
}

try {
  const chosen = options();
  const server = new Miniflare(settings(chosen));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      await server.dispose();
      process.exit(0);
    });
  }
  await server.ready;
  console.log(`edge: ready at http://${chosen.host}:${chosen.port}`);
  endsWithWorkerd(chosen);
} catch (error) {
  console.error(`edge: ${error.message}`);
  process.exit(1);
}
