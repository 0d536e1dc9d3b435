/** The console: its login, its commands, and telnet's own bytes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, exchange, startWire, type Wire } from "./wire-server.js";

let wire: Wire;
before(async () => {
  wire = await startWire();
});
after(() => wire.drain());

const PASSWORD = "right, really";
const talk = (lines: string[]): Promise<string> =>
  exchange(connect(wire.adminPort), [lines.map((line) => `${line}\r\n`).join("")]);

test("a login, entries by their names, and an end", async () => {
  const answer = await talk(["admin", PASSWORD, "echo,a,b", "", "peer", "nosuch", "quit"]);
  assert.equal(
    answer,
    [
      "tbapi console",
      "login: password: Welcome. help lists the entries, help,NAME explains one, quit ends.",
      "> OK: a|b",
      "> > OK: console 127.0.0.1 false admin",
      "> ERROR: unknown entry: nosuch is not an entry",
      "> OK: bye",
      "",
    ].join("\r\n"),
  );
  assert.ok(!answer.includes(PASSWORD));
});
test("rows are shown under each other", async () => {
  assert.match(
    await talk(["admin", PASSWORD, "rows", "quit"]),
    /> OK: 2 rows\r\nid\tname\r\n1\ta\\tb\r\n2\t\r\n> OK: bye/,
  );
});
test("a wrong login gets no prompt and no entry, and the third ends the connection", async () => {
  const before = wire.taken();
  const answer = await talk(["admin", "wrong", "admin", "wrong", "nobody", "wrong", "echo,a"]);
  const refused = "password: ERROR: auth failed: wrong user or password\r\n";
  assert.equal(answer, `tbapi console\r\nlogin: ${refused}login: ${refused}login: ${refused}`);
  assert.equal(wire.taken(), before);
});
test("telnet's commands are no part of a line", async () => {
  const socket = connect(wire.adminPort);
  const answer = exchange(socket, []);
  const bytes = Buffer.concat([
    Buffer.from([0xff, 0xfb, 0x1f, 0xff, 0xfa, 0x1f, 0x00, 0x50, 0xff, 0xf0, 0xff, 0xf9]),
    Buffer.from(`admin\r\n${PASSWORD}\r\necho,é`),
    Buffer.from([0xff, 0xfd, 0x01]),
    Buffer.from("\r\nquit\r\n"),
  ]);
  socket.write(bytes);
  assert.match(await answer, /> OK: é\r\n> OK: bye/);
});
