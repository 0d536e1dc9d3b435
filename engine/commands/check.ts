/** `tbapi check`: compiles every definition, every row of tb_api and every scheduled task against the database. */
import type { Schedule } from "../contracts.js";
import { openEngine } from "../engine.js";
import { type DefinitionFault, describeFault } from "../errors.js";
import { FaultyDefinitions } from "../registry/report.js";

/** Prints each fault as `file:line:column: entry: message`, or with `statements` each text that can be sent; 1 when there is a fault. */
export async function checkDefinitions(
  environment: NodeJS.ProcessEnv,
  { statements }: { statements: boolean },
  print: (text: string) => void,
): Promise<number> {
  try {
    const engine = await openEngine({ TBAPI_LOGLEVEL: "silent", ...environment }, "command");
    const { registry, schedule } = engine.services;
    const faults = [...(await registry.check()), ...(await taskFaults(schedule))];
    if (statements)
      for (const { entry, texts } of registry.statements()) for (const text of texts) print(`${entry}\t${text}`);
    for (const fault of faults) print(describeFault(fault));
    if (!statements) print(`${faults.length} faults in ${registry.current.entries.size} entries`);
    await engine.close();
    return faults.length === 0 ? 0 : 1;
  } catch (cause) {
    if (!(cause instanceof FaultyDefinitions)) throw cause;
    for (const fault of cause.faults) print(describeFault(fault));
    return 1;
  }
}

const taskFaults = async (schedule: Schedule): Promise<DefinitionFault[]> =>
  (await schedule.list())
    .filter(({ fault }) => fault !== "")
    .map(({ name, fault }) => ({ entry: name, source: "tb_scheduledtasks", line: 1, column: 1, message: fault }));
