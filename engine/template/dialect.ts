/** The forms of the original database, and what stands for each on SQLite and on MariaDB. `$1` ... are the arguments. */
import type { Dialect } from "../database/database.js";

type Form = string | Readonly<Record<Dialect, string>>;

/** The form for one database. */
export const formOf = (form: Form, dialect: Dialect): string => (typeof form === "string" ? form : form[dialect]);

/** Functions by name and number of arguments. With another number a call is passed on as it is. */
export const CALLS: Readonly<Record<string, Readonly<Record<number, Form>>>> = {
  isnull: { 1: "($1 is null)", 2: "coalesce($1, $2)" },
  len: { 1: { sqlite: "length($1)", mariadb: "char_length($1)" } },
  charindex: {
    2: "instr($2, $1)",
    3: {
      sqlite: "(case when instr(substr($2, $3), $1) = 0 then 0 else instr(substr($2, $3), $1) + ($3) - 1 end)",
      mariadb: "locate($1, $2, $3)",
    },
  },
  substring: { 2: "substr($1, $2)", 3: "substr($1, $2, $3)" },
  left: { 2: { sqlite: "substr($1, 1, $2)", mariadb: "left($1, $2)" } },
  right: { 2: { sqlite: "substr($1, max(length($1) - ($2), 0) + 1)", mariadb: "right($1, $2)" } },
  iif: { 3: { sqlite: "iif($1, $2, $3)", mariadb: "if($1, $2, $3)" } },
  year: { 1: { sqlite: "cast(strftime('%Y', $1) as integer)", mariadb: "year($1)" } },
  month: { 1: { sqlite: "cast(strftime('%m', $1) as integer)", mariadb: "month($1)" } },
  day: { 1: { sqlite: "cast(strftime('%d', $1) as integer)", mariadb: "day($1)" } },
};

/** Names of the current time; it is UTC, in the form in which times are stored. */
export const CLOCKS: ReadonlySet<string> = new Set([
  "getdate",
  "getutcdate",
  "sysdatetime",
  "sysutcdatetime",
  "now",
  "utc_timestamp",
  "current_timestamp",
]);

const UNIT_NAMES: Readonly<Record<string, string>> = {
  year: "year yy yyyy",
  month: "month mm m",
  week: "week wk ww",
  day: "day dd d",
  hour: "hour hh",
  minute: "minute mi n",
  second: "second ss s",
  dayofyear: "dayofyear dy y",
  weekday: "weekday dw w",
};
/** A unit of time by each of its names. */
export const UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries(UNIT_NAMES).flatMap(([unit, names]) => names.split(" ").map((name) => [name, unit] as const)),
);

/** `dateadd(unit, $1, $2)`: the last day of a month stays one, and a fraction of `$1` is cut off. */
const add = (unit: string, sqlite: string): Form => ({
  sqlite: `datetime($2, ${sqlite})`,
  mariadb: `date_add(cast($2 as datetime), interval cast(truncate($1, 0) as signed) ${unit})`,
});
const amountOf = (unit: string): string => `cast($1 as integer) || ' ${unit}s'`;
export const DATE_ADD: Readonly<Record<string, Form>> = {
  year: add("year", `${amountOf("year")}, 'floor'`),
  month: add("month", `${amountOf("month")}, 'floor'`),
  week: add("week", "(cast($1 as integer) * 7) || ' days'"),
  day: add("day", amountOf("day")),
  hour: add("hour", amountOf("hour")),
  minute: add("minute", amountOf("minute")),
  second: add("second", amountOf("second")),
};

/**
 * `datediff(unit, $1, $2)`: how often the unit changes between the two. Counted from the first Sunday of the year 1, so
 * that weeks begin on Sunday and nothing is negative.
 */
const changes = (seconds: number): Form => {
  const sqlite = (time: string) => `(unixepoch(${time}) + 62135078400) / ${seconds}`;
  const mariadb = (time: string) => `timestampdiff(second, '0001-01-07', ${time}) div ${seconds}`;
  return { sqlite: `(${sqlite("$2")} - ${sqlite("$1")})`, mariadb: `(${mariadb("$2")} - ${mariadb("$1")})` };
};
export const DATE_DIFF: Readonly<Record<string, Form>> = {
  year: { sqlite: "(strftime('%Y', $2) - strftime('%Y', $1))", mariadb: "(year($2) - year($1))" },
  month: {
    sqlite: "((strftime('%Y', $2) - strftime('%Y', $1)) * 12 + strftime('%m', $2) - strftime('%m', $1))",
    mariadb: "((year($2) - year($1)) * 12 + month($2) - month($1))",
  },
  week: changes(604_800),
  day: changes(86_400),
  hour: changes(3_600),
  minute: changes(60),
  second: changes(1),
};

const part = (format: string, mariadb: string, plus = ""): Form => ({
  sqlite: `(cast(strftime('${format}', $1) as integer)${plus})`,
  mariadb: `${mariadb}($1)`,
});
/** `datepart(unit, $1)`. */
export const DATE_PART: Readonly<Record<string, Form>> = {
  year: part("%Y", "year"),
  month: part("%m", "month"),
  day: part("%d", "dayofmonth"),
  hour: part("%H", "hour"),
  minute: part("%M", "minute"),
  second: part("%S", "second"),
  dayofyear: part("%j", "dayofyear"),
  weekday: part("%w", "dayofweek", " + 1"),
};

const TEXT: Form = { sqlite: "cast($1 as text)", mariadb: "cast($1 as char)" };
const SIZED_TEXT: Form = { sqlite: "substr(cast($1 as text), 1, $2)", mariadb: "cast($1 as char($2))" };
// A cast to a whole number rounds on MariaDB; in the original database and on SQLite it cuts off.
const WHOLE: Form = { sqlite: "cast($1 as integer)", mariadb: "cast(truncate($1, 0) as signed)" };
const DECIMAL: Form = { sqlite: "round(cast($1 as numeric), $3)", mariadb: "cast($1 as decimal($2, $3))" };
const FLOAT: Form = { sqlite: "cast($1 as real)", mariadb: "cast($1 as double)" };
const BYTES: Form = { sqlite: "cast($1 as blob)", mariadb: "cast($1 as binary)" };
const DATETIME: Form = { sqlite: "datetime($1)", mariadb: "cast($1 as datetime)" };

/** Casts by type and number of sizes: `$2` and `$3` are `(size, size)`. */
export const CASTS: ReadonlyMap<string, Readonly<Record<number, Form>>> = new Map([
  ...types("varchar nvarchar char nchar text ntext", { 0: TEXT, 1: SIZED_TEXT }),
  ...types("int integer bigint smallint tinyint bit signed unsigned", { 0: WHOLE }),
  ...types("decimal numeric dec", {
    0: { sqlite: "round(cast($1 as numeric))", mariadb: "cast($1 as decimal(18, 0))" },
    1: { sqlite: "round(cast($1 as numeric))", mariadb: "cast($1 as decimal($2, 0))" },
    2: DECIMAL,
  }),
  ...types("money smallmoney", {
    0: { sqlite: "round(cast($1 as numeric), 4)", mariadb: "cast($1 as decimal(19, 4))" },
  }),
  ...types("float real double", { 0: FLOAT, 1: FLOAT }),
  ...types("binary varbinary blob", { 0: BYTES, 1: BYTES }),
  ...types("date", { 0: { sqlite: "date($1)", mariadb: "cast($1 as date)" } }),
  ...types("time", { 0: { sqlite: "time($1)", mariadb: "cast($1 as time)" } }),
  ...types("datetime datetime2 smalldatetime timestamp", { 0: DATETIME, 1: DATETIME }),
]);

function types(names: string, forms: Readonly<Record<number, Form>>) {
  return names.split(" ").map((name) => [name, forms] as const);
}

/** Words in `with(...)` behind a table that ask for locks: dropped. */
export const HINTS: ReadonlySet<string> = new Set(
  `nolock rowlock updlock holdlock readpast paglock tablock tablockx xlock nowait readuncommitted readcommitted
   readcommittedlock repeatableread serializable snapshot noexpand forceseek forcescan`.split(/\s+/),
);
