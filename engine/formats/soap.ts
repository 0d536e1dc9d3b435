/** The XML answer in an envelope. SOAP requests are read by xml.ts. */
import type { Format } from "../contracts.js";
import { elementsOf } from "./xml.js";

const soap: Format = {
  name: "soap",
  reads: [],
  writes: ["soap"],
  encode: (answer) => ({
    contentType: "text/xml; charset=utf-8",
    body:
      '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">' +
      `<soap:Body><response>${elementsOf(answer)}</response></soap:Body></soap:Envelope>`,
  }),
};
export default soap;
