/** A script that calls the page's function with the answer; `jppget` gives it the answer's text alone. */
import { lineOf } from "../answer.js";
import type { Format } from "../contracts.js";
import json from "./json.js";
import text from "./text.js";

const jsonp: Format = {
  name: "jsonp",
  reads: [],
  writes: ["jsonp", "jppget"],
  encode(answer, request) {
    const written =
      request.format === "jppget"
        ? JSON.stringify({ contents: text.encode?.(answer, request).body ?? lineOf(answer) })
        : (json.encode?.(answer, request).body ?? "{}");
    return {
      contentType: "application/javascript; charset=utf-8",
      // The comment keeps the callback's name from being the first bytes, which some plug-ins took for a file of theirs.
      body: `/**/ ${request.callback}(${written.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")});`,
    };
  },
};
export default jsonp;
