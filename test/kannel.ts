/** Kannel, an SMS gateway: takes messages over HTTP, hands them to an SMS centre, and brings what phones send to the API. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { freePort } from "./databases.js";

export interface Kannel {
  /** For the option smsurl. */
  smsurl: string;
  stop(): Promise<void>;
}

interface Ports {
  admin: number;
  box: number;
  send: number;
  centre: number;
}

const configOf = ({ admin, box, send, centre }: Ports, inbound: string): string => `
group = core
admin-port = ${admin}
admin-password = admin-of-the-test
status-password = status-of-the-test
admin-interface = "127.0.0.1"
smsbox-port = ${box}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-level = 4

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = ${centre}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${send}
sendsms-interface = "127.0.0.1"
log-level = 4

group = sendsms-user
username = tbapi
password = gateway-secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "${inbound}"
`;

const NAMES = ["bearerbox", "smsbox"].map((name) => [`/usr/sbin/${name}`, `/usr/local/sbin/${name}`]);

function installed(): string[] {
  const found = NAMES.map((paths) => paths.find((path) => existsSync(path)));
  if (found.some((path) => path === undefined))
    throw new Error("the tests need Kannel, an SMS gateway: install it (Debian: apt-get install kannel)");
  return found as string[];
}

/** `inbound` is the address that it calls for what a phone sends. The centre has to be up. */
export async function startKannel(centre: number, inbound: string): Promise<Kannel> {
  const [bearerbox = "", smsbox = ""] = installed();
  const folder = await mkdtemp(join(tmpdir(), "tbapi-kannel-"));
  const ports = { admin: await freePort(), box: await freePort(), send: await freePort(), centre };
  const config = join(folder, "kannel.conf");
  await writeFile(config, configOf(ports, inbound));
  const run = (program: string) =>
    execa(program, ["-v", "4", config], { cwd: folder, reject: false, stdout: "ignore", stderr: "ignore" });
  const bearer = run(bearerbox);
  await status(ports.admin, /Status: running/);
  const box = run(smsbox);
  await status(ports.admin, /smsbox:[\s\S]*SMPP:[^\n]*\(online/);
  const stop = async () => {
    box.kill("SIGTERM");
    bearer.kill("SIGTERM");
    await Promise.all([box, bearer]);
    await rm(folder, { recursive: true, force: true });
  };
  const query =
    "username=tbapi&password=gateway-secret&from={from}&to={to}&text={text}&coding={coding}&charset=UTF-8&udh={udh}&dlr-mask=31&dlr-url={dlr}";
  return { smsurl: `http://127.0.0.1:${ports.send}/cgi-bin/sendsms?${query}`, stop };
}

async function status(port: number, wanted: RegExp): Promise<void> {
  for (;;) {
    const page = await fetch(`http://127.0.0.1:${port}/status.txt?password=status-of-the-test`).then(
      (it) => it.text(),
      () => "",
    );
    if (wanted.test(page)) return;
    await pause(50);
  }
}
