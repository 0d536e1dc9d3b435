/** Another try for what failed only because others were in the way. */
import { setTimeout as pause } from "node:timers/promises";
import { DatabaseError } from "./database.js";

const RETRIES = 8;

/** Milliseconds; doubled with each try, and each pause is another one so that two that met don't meet again. */
const FIRST_PAUSE = 4;

/** Runs `attempt` again while it fails with DatabaseError "conflict", eight times at most, within about two seconds. Errors: the last one. */
export async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === RETRIES || !(error instanceof DatabaseError) || error.kind !== "conflict") throw error;
      await pause(FIRST_PAUSE * 2 ** tries * (0.5 + Math.random()));
    }
  }
}
