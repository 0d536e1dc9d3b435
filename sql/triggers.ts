/** Triggers: on SQLite they keep the columns `changed`, which MariaDB keeps by their definition. */

export const triggerName = (table: string): string => `${table}_changed`;

/** For a table with the columns `id` and `changed`. */
export const triggerText = (
  table: string,
): string => `create trigger ${triggerName(table)} after update on ${table} for each row when new.changed = old.changed
    begin update ${table} set changed = strftime('%Y-%m-%d %H:%M:%f', 'now') where id = new.id; end`;
