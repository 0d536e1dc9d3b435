/**
 * What compiled templates do in a database: values are inert wherever they stand, and the forms of the original database
 * answer the same on both.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Sqlite from "better-sqlite3";
import mysql from "mysql2/promise";
import type { BoundValue, Dialect } from "../engine/database/database.js";
import { ApiError } from "../engine/errors.js";
import { compileTemplate } from "../engine/template/compile.js";
import { eachDatabase } from "./databases.js";
import { lookupOf, SCOPES } from "./template-scope.js";

type Row = Record<string, unknown>;
interface Target {
  run(text: string, values: readonly BoundValue[]): Promise<Row[]>;
  close(): Promise<void> | void;
}

function openSqlite(): Target {
  const database = new Sqlite(":memory:");
  return {
    async run(text, values) {
      const statement = database.prepare<BoundValue[], Row>(text);
      if (statement.reader) return statement.all(...values);
      statement.run(...values);
      return [];
    },
    close: () => void database.close(),
  };
}

const MODES = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES";
async function openMariaDb(address: string): Promise<Target> {
  const connection = await mysql.createConnection({ uri: address, dateStrings: true, supportBigNumbers: true });
  await connection.query(`set sql_mode = '${MODES}', time_zone = '+00:00'`);
  await connection.query("alter database character set utf8mb4 collate utf8mb4_unicode_ci");
  return {
    async run(text, values) {
      const typed = values.map((value) => (typeof value === "bigint" ? mysql.TypedParameter.LONGLONG(value) : value));
      const [rows] = await connection.execute(text, typed);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    close: () => connection.end(),
  };
}

// As in the black-box checks of the interface, and more.
const TRICKS = [
  ..."x' or '1'='1|x' or 1=1 -- |x\\' or 1=1 -- |1 or 1=1|1; drop table people|x'; delete from people; -- ".split("|"),
  ...`' union select name from people -- |%|ʼ or 1=1|x" or ""="|0x31 or 1|[USERID]|{password}|<password>|/**/or/**/1`.split(
    "|",
  ),
  ..."?|:a|@a|'|''|\\|\\'|!|_|!%|__|%%|\u0000' or 1=1|' or name like '%|{{name}}|$1".split("|"),
];
const PLACEMENTS = {
  "in quotes": "select name from people where name = '[SPARAM1]'",
  "without quotes": "select name from people where name = [SPARAM1]",
  "in a longer text": "select name from people where name like 'zz-[SPARAM1]-zz'",
  "at the end of a pattern": "select name from people where name like 'zz[SPARAM1]'",
  "as the whole pattern": "select name from people where name like '[SPARAM1]' or name like [SPARAM1]",
  "in a joined pattern": "select name from people where name like 'zz' + [SPARAM1] + 'zz'",
  "in a pattern with an escape of its own": "select name from people where name like '[SPARAM1]' escape '\\'",
  "in a function": "select name from people where upper(name) = upper('[SPARAM1]')",
  "in a call that is translated": "select name from people where charindex('[SPARAM1]zz', name) > 0",
  "in a list": "select name from people where name in ('zz', [SPARAM1], '{sparam1}', '<sparam1>')",
  "in a subquery":
    "select name from people where id = (select top 1 id from people where name = '[SPARAM1]' order by id)",
  "in angles": "select name from people where name = <sparam1>",
};

/** A template and the one value that it gives, on both databases. */
const FORMS: readonly (readonly [template: string, value: string | number | null])[] = [
  ["select isnull(null, 'x')", "x"],
  ["select len('árvíz')", 5],
  ["select charindex('b', 'abcb')", 2],
  ["select charindex('b', 'abcb', 3)", 4],
  ["select charindex('x', 'abcb', 2)", 0],
  ["select substring('abcdef', 2, 3)", "bcd"],
  ["select left('abc', 2) || right('abc', 2) || right('abc', 0) || right('abc', 9)", "abbcabc"],
  ["select iif(1 > 2, 'a', 'b')", "b"],
  ["select 'a' + 'b' + '{txt}'", "abit's 50%_!"],
  ["select cast(1.9 as int)", 1],
  ["select cast('-1.9' as int)", -1],
  ["select convert(bigint, '1234567890123')", 1234567890123],
  ["select cast('abcdef' as varchar(3))", "abc"],
  ["select cast(12 as varchar)", "12"],
  ["select cast('2.346' as decimal(18,2)) * 100", 235],
  ["select cast('1.5' as float) * 2", 3],
  ["select cast('2024-02-29 10:11:12' as date)", "2024-02-29"],
  ["select dateadd(month, 1, '2024-01-31 10:00:00')", "2024-02-29 10:00:00"],
  ["select dateadd(yy, 1, '2024-02-29 10:00:00')", "2025-02-28 10:00:00"],
  ["select dateadd(week, -1, '2024-03-01 10:00:00')", "2024-02-23 10:00:00"],
  ["select dateadd(day, 1.9, '2024-02-28')", "2024-02-29 00:00:00"],
  ["select dateadd(hh, -1, '2024-01-01 00:30:00')", "2023-12-31 23:30:00"],
  ["select dateadd(mi, {n}, '2024-01-01 00:30:00')", "2024-01-01 00:35:00"],
  ["select dateadd(second, -[SPARAM1], '2024-01-01 00:00:00')", "2023-12-31 23:59:57"],
  ["select datediff(day, '2024-02-28 23:59:59', '2024-03-01 00:00:00')", 2],
  ["select datediff(day, '1969-12-31 23:00:00', '1970-01-01 01:00:00')", 1],
  ["select datediff(day, '1960-05-05 12:00:00', '1960-05-05 01:00:00')", 0],
  ["select datediff(week, '2024-03-02', '2024-03-03')", 1],
  ["select datediff(week, '2024-03-03', '2024-03-09 23:00:00')", 0],
  ["select datediff(hour, '2024-03-03 00:59:00', '2024-03-03 01:00:00')", 1],
  ["select datediff(minute, '2024-03-03 01:00:59', '2024-03-03 00:59:00')", -1],
  ["select datediff(second, '1950-01-01', '2024-01-01')", 2335219200],
  ["select datediff(month, '2023-12-31', '2024-02-01')", 2],
  ["select datediff(year, '2023-12-31', '2024-01-01')", 1],
  ["select year('2024-02-29') * 10000 + month('2024-02-29') * 100 + day('2024-02-29')", 20240229],
  [
    "select datepart(hour, '2024-02-29 10:11:12') * 10000 + datepart(mi, '2024-02-29 10:11:12') * 100 + datepart(ss, '2024-02-29 10:11:12')",
    101112,
  ],
  ["select datepart(weekday, '2024-03-03') * 1000 + datepart(dayofyear, '2024-03-03')", 1063],
  ["select len(cast(getdate() as varchar))", 19],
  ["select datediff(second, getdate() - 0.1, getdate())", 8640],
  ["select datediff(second, getdate() - 1.5e-4 + 1, getdate())", -86387],
  ["select datediff(second, getdate() - (0.25 * 2), getdate())", 43200],
  ["select datediff(second, getdate() + [SPARAM1], getdate())", -259200],
  ["select getdate() - {nothing}", null],
  ["select [USERID] + 1", 8],
  ["select case when [USERID] > 6 then 'more' else 'less' end", "more"],
  ["select {credit} * 2", 5],
  ["select case when {credit} > 2.25 and {credit} < 10 then 'between' else 'not' end", "between"],
  ["select count(*) from people where id in (select top 1 id from people order by id desc)", 1],
  ["select name from people order by id offset 1 rows fetch next 1 rows only", "Ben 50%"],
  ["select top [SPARAM1] id from people where id > 2", 3],
  ["select name from people order by id limit 1 offset {one}", "Ben 50%"],
  ["select dbo.people.name from dbo.people with(nolock) where [id] = \"id\" and `name` like '%{pct}%'", "Ben 50%"],
  ["select count(*) from people where name like '%' + {txt} + '%'", 0],
  ["select N'é' || ''", "é"],
  ["select 'a\\' || '''' || 'b'", "a\\'b"],
  ["select max(id) from (select top 2 id from people order by id) as x", 2],
];

function suite(dialect: Dialect, open: () => Target | Promise<Target>): void {
  let target: Target;
  const given = { txt: "it's 50%_!", n: "5", sparam1: "3", credit: "2.5", pct: "%", one: "1" };
  const ask = (template: string, values: Record<string, BoundValue>): Promise<Row[]> => {
    const compiled = compileTemplate(template, SCOPES.open, dialect);
    const { text, values: bound } = compiled.bind(lookupOf(values));
    return target.run(text, bound);
  };
  before(async () => {
    target = await open();
    await target.run("create table people (id integer primary key, name varchar(100))", []);
    await target.run("insert into people values (1, 'Ann'), (2, 'Ben 50%'), (3, 'a\\b_!')", []);
  });
  after(async () => {
    await target.run("drop table people", []);
    await target.close();
  });
  for (const [place, template] of Object.entries(PLACEMENTS))
    test(`no value matches, changes or breaks a statement: ${place}`, async () => {
      for (const trick of TRICKS) assert.deepEqual(await ask(template, { sparam1: trick }), [], trick);
      const [count] = await ask("select count(*) as n from people", {});
      assert.equal(Number(count?.["n"]), 3);
    });
  test("a value is stored and found as it is", async () => {
    await ask("delete from people where id = {n}", { n: "9" });
    for (const trick of TRICKS) {
      assert.deepEqual(
        (await ask("select '[SPARAM1]' as a, {sparam1} as b", { sparam1: trick })).map((row) => ({ ...row })),
        [{ a: trick, b: trick }],
      );
      await ask("insert into people (id, name) values ({n}, '[SPARAM1]')", { n: "9", sparam1: trick });
      const found = await ask(
        "select id from people where id = 9 and name like '[SPARAM1]' and name like '%' + {sparam1}",
        {
          sparam1: trick,
        },
      );
      assert.equal(found.length, 1, trick);
      await ask("delete from people where id = 9", {});
    }
  });
  test("a number that is none never reaches the database", async () => {
    for (const trick of TRICKS)
      for (const template of [
        "select {n}",
        "select {credit}",
        "select top [SPARAM1] 1",
        "select getdate() - [SPARAM1]",
      ])
        assert.throws(() => ask(template, { n: trick, credit: trick, sparam1: trick }), ApiError, trick);
  });
  for (const [template, expected] of FORMS)
    test(template, async () => {
      const [row] = await ask(template, given);
      const [value] = Object.values(row ?? {});
      assert.equal(typeof expected === "number" ? Number(value) : value, expected);
    });
}

eachDatabase("templates", (fresh, dialect) =>
  suite(dialect, dialect === "sqlite" ? async () => openSqlite() : async () => openMariaDb(await fresh())),
);
