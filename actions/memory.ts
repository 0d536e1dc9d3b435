/** What this server keeps in memory: how much it is, and freeing it. */
import type { Action, MemoryList } from "../engine/contracts.js";
import { cellText } from "../engine/database/cells.js";

const COUNTS = `select (select count(*) from tb_nonces) as nonces, (select count(*) from tb_outbox) as outbox,
  (select count(*) from tb_idempotency) as repeats`;

const memory: Action = {
  name: "memory",
  operations: {
    list: {
      summary:
        "The size of each list in memory, and of those that are kept in the database instead; `of` has the sizes by name.",
      input: {},
      transactional: true,
      async run(_input, { services, session }) {
        const inMemory = services.memory.map(({ name, size }) => ({ list: name, size: size(), where: "memory" }));
        const { rows } = await session.run({ text: COUNTS, values: [] });
        const inDatabase = Object.entries({
          nonces: rows[0]?.["nonces"],
          "outbox items": rows[0]?.["outbox"],
          "answers to repeated requests": rows[0]?.["repeats"],
        }).map(([list, size]) => ({ list, size: Number(size ?? 0), where: "database" }));
        return {
          rows: [...inMemory, ...inDatabase],
          columns: ["list", "size", "where"],
          of: Object.fromEntries(inMemory.map(({ list, size }) => [list.replaceAll(" ", "_"), size])),
        };
      },
    },
    free: {
      summary: "Frees lists, which are made again when they are needed; `text` tells how much was there and is left.",
      input: { lists: "Their names, with commas." },
      transactional: false,
      async run({ lists }, { services }) {
        const told: string[] = [];
        for (const wanted of cellText(lists).split(",")) {
          const list = services.memory.find(({ name, free }) => name === wanted && free !== undefined);
          if (list === undefined) throw new Error(`no list '${wanted}' can be freed`);
          told.push(await freed(list));
        }
        return { text: told.join("; ") };
      },
    },
  },
};

async function freed(list: MemoryList): Promise<string> {
  const before = list.size();
  await list.free?.();
  return `${list.name}: ${before} before, ${list.size()} now`;
}

export default memory;
