/** The engine as a process of its own: `serve.js DATABASE [OPTIONS as JSON]`; tells its port to its parent. */
import { startTestServer } from "../server.js";

const [database = "", options = "{}"] = process.argv.slice(2);
const unlimited = { TBAPI_LIMITADDRESS: "0", TBAPI_LIMITACCOUNT: "0" };
const server = await startTestServer(database, { ...unlimited, ...JSON.parse(options) });
process.send?.(server.running.ports.port);
process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
