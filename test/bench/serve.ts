/** The engine as a process of its own, for the bench: `serve.js DATABASE`; tells its port to its parent. */
import { startTestServer } from "../server.js";

const [database = ""] = process.argv.slice(2);
const server = await startTestServer(database, { TBAPI_LIMITADDRESS: "0", TBAPI_LIMITACCOUNT: "0" });
process.send?.(server.running.ports.port);
process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
