/** An HTTP gateway for SMS. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A gateway that answers what the test wants, and keeps what it was asked. */
export async function startSmsGateway() {
  const asked: URL[] = [];
  const state = { status: 200, body: "OK 1", milliseconds: 0 };
  const server = createServer((request, response) => {
    asked.push(new URL(request.url ?? "", "http://gateway"));
    setTimeout(() => response.writeHead(state.status).end(state.body), state.milliseconds);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/send?user=u&pw=gateway-secret&from={from}&to={to}&text={text}&coding={coding}&ref={id}`;
  return { asked, state, url, stop: () => server.close() };
}
