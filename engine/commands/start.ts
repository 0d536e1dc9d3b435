/** `tbapi start`: serves until SIGTERM or SIGINT. */
import { loadSample } from "../database/sample.js";
import { type Engine, openEngine } from "../engine.js";
import { startServer } from "../server.js";
import { sampleRequests } from "./sample-requests.js";

export async function start(
  environment: NodeJS.ProcessEnv,
  { sample }: { sample: boolean },
  print: (text: string) => void,
): Promise<number> {
  const stopped = stopSignal();
  const engine = await openEngine(environment);
  const restarted = restartRequest(engine);
  const { services, made } = engine;
  if (sample) {
    await loadSample(services.database);
    await services.rates.refresh(true);
  }
  const server = await startServer(engine, environment);
  if (made.apiv2key !== undefined) print(`API key (apiv2key), made now and stored: ${made.apiv2key}`);
  if (made.apiv2md5salt !== undefined) print(`Salt (apiv2md5salt), made now and stored: ${made.apiv2md5salt}`);
  if (made.admin !== undefined)
    print(
      `Administrator ${made.admin.username}, password ${made.admin.password}: shown this once, change it with changepwd`,
    );
  print(
    `tbapi ${services.status.version} listens on port ${server.ports.port}${server.ports.adminPort === undefined ? "" : `, console on ${server.ports.adminPort}`}`,
  );
  if (sample) print(sampleRequests(services.settings.current, server.ports));
  const exitCode = await Promise.race([stopped, restarted]);
  await server.stop();
  return exitCode;
}

/** Tells a supervisor that the service is to be started again: systemd's `RestartForceExitStatus=75`. */
const RESTART_CODE = 75;
/** Milliseconds for the answer to a forced restart to get out. */
const LAST_WORDS = 200;

const restartRequest = ({ status }: Engine): Promise<number> =>
  new Promise((resolve) => {
    status.restart = (force) => {
      if (force) setTimeout(() => process.exit(RESTART_CODE), LAST_WORDS);
      else resolve(RESTART_CODE);
    };
  });

/** Resolves at the first SIGTERM or SIGINT, also of one that comes during the start; a second one ends the process at once. */
const stopSignal = (): Promise<number> =>
  new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(0));
  });
