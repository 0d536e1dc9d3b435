/** `tbapi call`: one request from the command line, without a server and without a login: who may run it owns the machine. */
import { openEngine } from "../engine.js";
import { sorted } from "../transports/command.js";

/** Prints the answer; 0 when it is a good one. */
export async function callEntry(
  environment: NodeJS.ProcessEnv,
  words: string[],
  print: (text: string) => void,
): Promise<number> {
  const [entry, ...rest] = words;
  if (entry === undefined) throw new Error("name the entry: tbapi call ENTRY name=value ...");
  const engine = await openEngine({ TBAPI_LOGLEVEL: "error", ...environment }, "command");
  try {
    const answer = await engine.handle({
      peer: { transport: "local", address: "127.0.0.1", forwarded: false, connection: "command-line" },
      target: "",
      body: Buffer.alloc(0),
      contentType: "",
      command: { entry, ...sorted(rest), rest: rest.join(" ") },
    });
    const text = answer.body.toString().trimEnd();
    print(text);
    return text.startsWith("ERROR") ? 1 : 0;
  } finally {
    await engine.close();
  }
}
