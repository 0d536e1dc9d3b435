/**
 * Options of the server that the examples run on. The mail server is one that does not answer, so that what an example stored
 * in the outbox is still there to be looked at.
 */
export const SAMPLE_OPTIONS: Readonly<Record<string, string>> = {
  TBAPI_SMTPHOST: "127.0.0.1",
  TBAPI_SMTPPORT: "9",
  TBAPI_SMTPSECURE: "none",
  TBAPI_MAILFROM: "phones@example.com",
  TBAPI_MAILTO: "owner@example.com",
};
