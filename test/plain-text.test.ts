/** Texts that are joined directly read as Handlebars would have them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePlainText } from "../engine/registry/plain-text.js";
import type { DefinitionScope } from "../engine/registry/scope.js";
import { makeTextEnvironment } from "../engine/registry/texts.js";
import type { Cell } from "../engine/request.js";

const texts = makeTextEnvironment(new Map([["USD", "$"]]));
const scope = {
  params: new Map([["word", { kind: "text" }]]),
  steps: new Set(["found", "rows"]),
  texts,
} as unknown as DefinitionScope;

const TEXTS = [
  "plain",
  "{{word}}",
  "{{{word}}} and {{found.name}}",
  "{{#if word}}yes {{word}}{{else}}no{{/if}}",
  "{{#if word}}yes{{/if}}.",
  "{{#unless word}}none{{else}}{{word}}{{/unless}}",
  "{{#if found.rows}}some{{else}}none{{/if}}",
  "{{#if word}}a{{else if found.name}}b{{else}}c{{/if}}",
  "{{#if word}}{{#if found.name}}both{{else}}one{{/if}}{{/if}}",
  "{{money found.amount caller.currency}}",
  "a {{~#if word~}} b {{~/if~}} c",
  "{{#if word}}\nline\n{{/if}}\nend",
];

const WORDS: (Cell | undefined)[] = [undefined, null, "", "0", "text", "<b>&", 0, 1];
const ROWS = [[], [{ name: "x" }]];

for (const text of TEXTS)
  test(text, () => {
    const direct = compilePlainText(texts.parse(text), scope);
    assert.ok(direct, "it is joined directly");
    const rendered = texts.compile(text, { noEscape: true });
    for (const word of WORDS)
      for (const rows of ROWS) {
        const found = { rows, name: word, amount: "9.8" };
        const caller = { id: 1, username: "a", fields: { currency: "USD" } };
        const run = { params: { word }, loose: new Map(), caller, steps: { found } };
        assert.equal(
          direct(run as unknown as Parameters<typeof direct>[0]),
          rendered({ word, found, caller: caller.fields }),
          JSON.stringify({ word, rows }),
        );
      }
  });

test("blocks over rows are left to Handlebars", () => {
  for (const text of [
    "{{#each found.rows}}{{name}}{{/each}}",
    "{{#with found}}{{name}}{{/with}}",
    "{{lookup found word}}",
  ])
    assert.equal(compilePlainText(texts.parse(text), scope), undefined);
});
