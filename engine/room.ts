/** Loads a room: a folder in which each file is one descriptor, its default export, named as the file is. */
import { readdir } from "node:fs/promises";

/**
 * The descriptors of a folder of compiled files, by the names of the files.
 * Errors: Error that names the file whose default export is missing or has another name.
 */
export async function loadRoom<T extends { name: string }>(folder: URL): Promise<T[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".js")).sort();
  return Promise.all(files.map((file) => loadDescriptor<T>(folder, file)));
}

async function loadDescriptor<T extends { name: string }>(folder: URL, file: string): Promise<T> {
  const { default: descriptor } = (await import(new URL(file, folder).href)) as { default?: T };
  const stem = file.slice(0, -".js".length);
  if (descriptor?.name !== stem) throw new Error(`${file}: its default export must have the name '${stem}'`);
  return descriptor;
}
