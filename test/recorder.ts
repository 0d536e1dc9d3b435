/** A program for tests that tells what it was started with. */
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program that writes its words to a file, one a line as JSON. */
export async function recorder(): Promise<{ program: string; calls: () => Promise<string[][]> }> {
  const folder = await mkdtemp(join(tmpdir(), "tbapi-host-"));
  const [program, log] = [join(folder, "record"), join(folder, "calls")];
  const script = `#!${process.execPath}\nrequire("fs").appendFileSync(${JSON.stringify(log)}, JSON.stringify([...process.argv.slice(2), "env:" + Object.keys(process.env).sort()]) + "\\n");\n`;
  await writeFile(program, script);
  await chmod(program, 0o755);
  const calls = async () =>
    existsSync(log)
      ? (await readFile(log, "utf8"))
          .trimEnd()
          .split("\n")
          .map((line) => (JSON.parse(line) as string[]).filter((word) => !word.startsWith("env:")))
      : [];
  return { program, calls };
}
