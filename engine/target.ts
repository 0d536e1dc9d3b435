/** What the address behind the host says. */
export interface Target {
  /** In lower case. */
  path: string;
  query: string;
}

/** Takes a path with a query, or a whole address. */
export function splitTarget(target: string): Target {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target.toLowerCase(), query: "" };
  return { path: target.slice(0, mark).toLowerCase(), query: target.slice(mark + 1) };
}

/** `/mvapi`, `/mvapireq/`, `/mvstwebsock/mvapireq` and so on. */
export const isApiPath = (path: string): boolean =>
  path.includes("/mvapi") || path.startsWith("mvapi") || path.includes(WEBSOCKET_PATH);

export const isOldApiPath = (path: string): boolean => path.includes("/xmapi/");

/** Stands in the path of a WebSocket: `/mvstwebsock`, `/mvstwebsocket/`. */
export const WEBSOCKET_PATH = "mvstwebsock";
