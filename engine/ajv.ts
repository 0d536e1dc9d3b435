/** JSON Schema validators, made in a way that leaves the server fast. */
import { Ajv, type Options } from "ajv";

/**
 * Without ajv's optimiser: that makes an object with a property of its own for each name in the code that it generates, and
 * once V8 has seen 1,536 such first properties, objects of new shapes are slow ones for the life of the process.
 */
export const makeAjv = (options: Options): Ajv => new Ajv({ ...options, code: { optimize: false } });
