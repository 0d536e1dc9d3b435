/** The JSON Schema of definitions as a file, for editors and for the reference. */
import { writeFile } from "node:fs/promises";
import { DEFINITION_SCHEMA } from "./definition-schema.js";

export const SCHEMA_FILE = "definition.schema.json";

export const schemaText = (): string => `${JSON.stringify(DEFINITION_SCHEMA, null, 2)}\n`;

/** Writes it into the folder of the definitions. */
export const writeSchema = (definitionsFolder: URL): Promise<void> =>
  writeFile(new URL(SCHEMA_FILE, definitionsFolder), schemaText());
