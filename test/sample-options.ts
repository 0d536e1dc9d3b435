/**
 * Options of the server that the examples run on. Nobody listens at the gateways: what goes out stays in the outbox, where it
 * is looked at.
 */
export const SAMPLE_OPTIONS: Readonly<Record<string, string>> = {
  TBAPI_SMTPHOST: "127.0.0.1",
  TBAPI_SMTPPORT: "9",
  TBAPI_SMTPSECURE: "none",
  TBAPI_MAILFROM: "phones@example.com",
  TBAPI_MAILTO: "owner@example.com",
  TBAPI_SMSURL: "http://127.0.0.1:9/send?from={from}&to={to}&text={text}&dlr={dlr}",
  TBAPI_SMSREPORTURL: "http://127.0.0.1:9/mvapireq/?apientry=smsdlr&status=%d",
  TBAPI_SMSSECRET: "sms-secret",
  TBAPI_SMSWAIT: "1",
  TBAPI_PUSHURL: "http://127.0.0.1:9/push",
  TBAPI_ALLOWEDCOMMANDS: "echo, false",
  TBAPI_DATABASERESTARTCOMMAND: "true",
  TBAPI_SETIPCOMMAND: "echo {cardname} {ip}/{mask} {gateway} metric={gwmetric}",
  TBAPI_TIMEZONECOMMAND: "echo {zone}",
  TBAPI_FTPRESTARTCOMMAND: "echo 'the FTP service'",
  TBAPI_WEBRESTARTCOMMAND: "echo 'the web service'",
  TBAPI_UPGRADECOMMAND: "echo {what}",
};
