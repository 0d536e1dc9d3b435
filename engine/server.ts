/** An engine that listens: what is started in order and stopped in reverse. */
import type { Engine } from "./engine.js";
import { metricsPage } from "./metrics/page.js";
import { openTransports, type Transports } from "./transports.js";

export interface RunningServer {
  engine: Engine;
  ports: Transports["ports"];
  /** Takes no new request, finishes those in flight, and closes everything. */
  stop(): Promise<void>;
}

/** Serves on `TBAPI_HOST`, `TBAPI_PORT` and `TBAPI_ADMINPORT`. Port 0 takes a free one. */
export async function startServer(engine: Engine, environment: NodeJS.ProcessEnv): Promise<RunningServer> {
  const { services, admission, handle, outbox, carriers, status, tunnels } = engine;
  // Bans and counters of before the start hold from the first request on.
  await admission.refresh();
  const transports = await openTransports({
    handle,
    settings: services.settings,
    log: services.log,
    host: environment["TBAPI_HOST"] ?? "0.0.0.0",
    port: portOf(environment, "TBAPI_PORT") ?? 80,
    adminPort: portOf(environment, "TBAPI_ADMINPORT"),
    consoleLogin: admission.consoleLogin,
    consoleAllowed: admission.consoleAllowed,
    tunnels,
    metrics: (peer) => metricsPage(peer, admission, services),
  });
  status.connections = transports.connections;
  status.loadMeter.start();
  engine.startActions();
  outbox.start(carriers);
  if (services.settings.current.scheduler) services.schedule.start();
  const stopTicking = everySecond(engine);
  return {
    engine,
    ports: transports.ports,
    async stop() {
      status.stopping = true;
      await transports.drain();
      await services.schedule.stop();
      await stopTicking();
      await engine.close();
    },
  };
}

function portOf(environment: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`${name} must be a port from 0 to 65535, not '${text}'`);
  return port;
}

/** Seconds between two looks at the price list. */
const PRICES_EVERY = 5;

/** What servers of one database tell each other, and the price list; a round that takes longer than a second delays the next. */
function everySecond({ admission, services: { settings, rates, log } }: Engine): () => Promise<void> {
  let second = 0;
  let round: Promise<unknown> | undefined;
  const follow = async () => {
    const isNew = await settings.follow();
    if (isNew || second % PRICES_EVERY === 0) await rates.refresh(isNew);
  };
  const timer = setInterval(() => {
    second += 1;
    round ??= Promise.all([admission.refresh(), follow()])
      .catch((cause: unknown) =>
        log.warn({ event: "refresh", err: cause }, "the database can't be read; it is tried again"),
      )
      .finally(() => {
        round = undefined;
      });
  }, 1_000);
  return async () => {
    clearInterval(timer);
    await round;
  };
}
