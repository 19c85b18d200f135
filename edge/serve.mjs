// Serves the edge on one machine: the worker in workerd, with the bindings of wrangler.toml and its state in a directory.
// `wrangler dev` would put a proxy of its own before the worker, and end when a connection between the two is lost.
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Log, LogLevel, Miniflare } from "miniflare";

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
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`--port is no port: ${values.port}`);
  return { ...values, port, state: resolve(values.state) };
}

/** Refuses what the worker would not say before somebody calls it. */
function checkEnvironment() {
  if (!existsSync(resolve(root, "edge/build/index_bg.wasm"))) throw new Error("the edge is not built: run scripts/build edge");
  const url = process.env.TAPEDECK_PUBLIC_URL;
  if (url && !/^https?:\/\/[^/]/.test(url.trim())) throw new Error(`TAPEDECK_PUBLIC_URL is no URL such as https://edge.example.com: ${url}`);
}

async function settings({ host, port, state }) {
  // It would write its log below the home directory, which a service need not have.
  process.env.WRANGLER_LOG_PATH ??= resolve(state, "wrangler.log");
  const { unstable_getMiniflareWorkerOptions: workerOptionsOf } = await import("wrangler");
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

/** Fails with what the worker lacks in order to answer anybody. */
async function checkHealth(server) {
  const response = await server.dispatchFetch("http://edge/healthz");
  if (response.ok) return;
  const { message } = await response.json();
  throw new Error(`${message}. "The edge" in docs/operations.md lists what its environment has to have`);
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
  checkEnvironment();
  const server = new Miniflare(await settings(chosen));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      await server.dispose();
      process.exit(0);
    });
  }
  await server.ready;
  await checkHealth(server);
  console.log(`edge: ready at http://${chosen.host}:${chosen.port}`);
  endsWithWorkerd(chosen);
} catch (error) {
  console.error(`edge: ${error.message}`);
  process.exit(1);
}
