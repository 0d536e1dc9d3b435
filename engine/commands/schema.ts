/** `tbapi schema`: writes the JSON Schema of a definition beside the definitions, for editors. */

import { definitionsFolder } from "../engine.js";
import { SCHEMA_FILE, writeSchema } from "../registry/schema-file.js";

export async function writeDefinitionSchema(print: (text: string) => void): Promise<number> {
  await writeSchema(definitionsFolder);
  print(`definitions/${SCHEMA_FILE} is written`);
  return 0;
}
