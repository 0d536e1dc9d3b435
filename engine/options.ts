/**
 * Every option of `tb_settings`, with its type, default and meaning. Each can be set in the environment as `TBAPI_<NAME>`,
 * which wins over the table. The reference page of the options is made from this list.
 */
interface OptionSpec {
  type: "text" | "integer" | "decimal" | "flag" | "choice" | "list" | "pattern";
  default: string;
  summary: string;
  /** Least and greatest value of an integer; the allowed words of a choice. */
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** Never shown. */
  secret?: true;
  /** Set in the environment alone, so that nobody who can change the database gets at the machine. */
  owner?: true;
}

export const OPTIONS = {
  // Who gets in
  apiv2key: {
    type: "text",
    default: "",
    secret: true,
    summary: "The API key that requests send as authkey. Made at the first start.",
  },
  apiv2md5salt: {
    type: "text",
    default: "",
    secret: true,
    summary: "The server's salt in authmd5. Made at the first start.",
  },
  apiv2ipauth: {
    type: "list",
    default: "",
    summary: "Addresses and ranges that entries with req_ip = 1 accept beside the trusted ones.",
  },
  apiv2auth: {
    type: "choice",
    choices: ["2", "4", "6"],
    default: "2",
    summary:
      "How users sign in where an entry doesn't say: 2 user with password or PIN, 4 user, password or PIN alone, 6 user name and password only.",
  },
  trustlanip: {
    type: "flag",
    default: "1",
    summary: "Private addresses (10/8, 172.16/12, 192.168/16, fc00::/7, link-local) are trusted.",
  },
  httpapiallowedip2: {
    type: "list",
    default: "",
    summary: "Addresses that may send addcredit and adduser of the old interface (/xmapi/) with the key alone.",
  },
  trustediplist: { type: "list", default: "", summary: "More trusted addresses and ranges." },
  trustedproxies: { type: "list", default: "", summary: "Proxies whose X-Forwarded-For tells the caller's address." },
  allowtrustedip: {
    type: "choice",
    choices: ["0", "1", "2", "3", "4"],
    default: "3",
    summary:
      "Which addresses may be trusted: 0 none, 1 this machine's, 2 private ones too, 3 all that are set, 4 the same on the console.",
  },
  apitrustediponly: { type: "flag", default: "0", summary: "Only trusted addresses may send requests." },
  apideftrustadmin: {
    type: "choice",
    choices: ["0", "1", "2", "3", "4"],
    default: "1",
    summary:
      "What makes an administrator: 0 the login, 1 the login or a trusted address with the key, 2 the address only, 3 the login only, 4 both.",
  },
  apialtauth: {
    type: "choice",
    choices: ["-1", "0", "1"],
    default: "-1",
    summary:
      "Other ways to sign in: -1 as req_user_mode says, 0 user name and password only, 1 all (id, name, DID, PIN).",
  },
  apitrustfromconsole: {
    type: "choice",
    choices: ["0", "1", "2"],
    default: "1",
    summary:
      "What the console's login is worth: 0 each entry is checked again as for that user, 1 trusted, 2 as server administrator.",
  },
  apidefneedregister: {
    type: "choice",
    choices: ["0", "1", "2"],
    default: "0",
    summary: "User entries need a registered phone: 0 no, 1 yes, 2 at the same address.",
  },
  apidefneedlogin: {
    type: "choice",
    choices: ["0", "1", "2", "3"],
    default: "0",
    summary:
      "Entries need a nonce: 0 no, 1 from addresses that aren't trusted, 2 always, 3 always and bound to the address.",
  },
  remoteadmin: {
    type: "choice",
    choices: ["0", "1", "2", "3", "4", "5"],
    default: "5",
    summary:
      "From where the console may be used: 0 nowhere, 1 loopback, 2 this machine, 3 trusted addresses, 4 the LAN, 5 everywhere.",
  },
  mincreditonroute: { type: "decimal", default: "0.1", summary: "Least credit for entries with req_user_credit = 2." },
  clusternodes: {
    type: "text",
    default: "",
    summary: "Consoles of the other servers, as name=host:port with commas; client switches to one of them.",
  },
  userofflinemin: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "120",
    summary: "Minutes after which a phone that did not register again is offline.",
  },
  noncelifetime: {
    type: "integer",
    min: 10,
    max: 86400,
    default: "600",
    summary: "Seconds for which a nonce can be used.",
  },
  deviceid: { type: "text", default: "", summary: "Id of this installation. Made at the first start." },
  // Limits of use; the counters of failures are shared by all servers of a database
  limitaddress: {
    type: "integer",
    min: 0,
    max: 10000000,
    default: "6000",
    summary: "Requests a minute from one address; 0 is no limit.",
  },
  limitaccount: {
    type: "integer",
    min: 0,
    max: 10000000,
    default: "1200",
    summary: "Requests a minute of one account; 0 is no limit.",
  },
  limitentry: {
    type: "integer",
    min: 0,
    max: 10000000,
    default: "0",
    summary: "Requests a minute for one entry by all; 0 is no limit.",
  },
  limitlogin: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "10",
    summary: "Wrong logins of one account in ten minutes before it is closed for limitpause.",
  },
  limitpin: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "10",
    summary: "Wrong PINs of one account in ten minutes before it is closed for limitpause.",
  },
  limitsignup: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "20",
    summary: "Sign-ups from one address in an hour; loopback is exempt.",
  },
  limitreset: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "5",
    summary: "Wrong answers to a password's reset from one address in ten minutes before it is closed for limitpause.",
  },
  limitmail: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "60",
    summary: "Mails that a user may ask for in an hour; administrators have no such limit.",
  },
  limitsms: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "60",
    summary: "Text messages that a user may ask for in a minute; administrators have no such limit.",
  },
  limitcall: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "30",
    summary: "Calls that a user may ask for (callback, p2p) in a minute; administrators have no such limit.",
  },
  limitpause: {
    type: "integer",
    min: 1,
    max: 86400,
    default: "300",
    summary: "Seconds for which an account stays closed.",
  },
  banafter: {
    type: "integer",
    min: 0,
    max: 100000,
    default: "50",
    summary: "Wrong logins from one address in ten minutes before it is banned; 0 never; loopback is exempt.",
  },
  bantime: {
    type: "integer",
    min: 1,
    max: 31536000,
    default: "3600",
    summary: "Seconds for which an address stays banned.",
  },
  // The wire
  httpstrictresponse: { type: "flag", default: "0", summary: "Failures have HTTP status 499 instead of 200." },
  enablejsonp: {
    type: "choice",
    choices: ["0", "1", "2"],
    default: "1",
    summary: "JSONP: 0 off, 1 for this server's answers, 2 the jppget form too.",
  },
  httpapiencryptkey: {
    type: "text",
    default: "",
    secret: true,
    summary: "Key of mcrfs, oenc1_ and the tunnel; empty switches them off.",
  },
  corsorigin: {
    type: "text",
    default: "*",
    summary: "Which web pages may read answers (Access-Control-Allow-Origin); empty for none.",
  },
  maxrequest: { type: "integer", min: 1024, max: 1073741824, default: "8388608", summary: "Bytes of a request." },
  maxline: {
    type: "integer",
    min: 1024,
    max: 16777216,
    default: "65536",
    summary: "Bytes of a line, a WebSocket message or an HTTP head.",
  },
  requesttimeout: {
    type: "integer",
    min: 1,
    max: 3600,
    default: "30",
    summary: "Seconds within which a request has to arrive whole.",
  },
  idletimeout: {
    type: "integer",
    min: 1,
    max: 86400,
    default: "120",
    summary: "Seconds after which a silent connection is closed.",
  },
  maxconnections: { type: "integer", min: 1, max: 1000000, default: "10000", summary: "Open connections in all." },
  maxconnectionsperip: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "1000",
    summary: "Open connections of one address; loopback is exempt.",
  },
  maxpipelined: {
    type: "integer",
    min: 1,
    max: 10000,
    default: "100",
    summary: "Requests of one connection that wait for their answers; more are read later.",
  },
  udpmaxanswer: { type: "integer", min: 100, max: 65000, default: "1490", summary: "Bytes of an answer over UDP." },
  tlscert: {
    type: "text",
    default: "",
    summary: "PEM file of the certificate; TLS on the shared port is off without it.",
  },
  tlskey: { type: "text", default: "", summary: "PEM file of the certificate's key." },
  webroot: { type: "text", default: "", summary: "Folder that is served under /mvweb; empty for none." },
  // Mail
  smtphost: { type: "text", default: "", summary: "The SMTP server that takes mails; none are sent without it." },
  smtpport: { type: "integer", min: 1, max: 65535, default: "587", summary: "Its port." },
  smtpuser: { type: "text", default: "", summary: "User at the SMTP server; empty for no login." },
  smtppassword: { type: "text", default: "", secret: true, summary: "Password at the SMTP server." },
  smtpsecure: {
    type: "choice",
    choices: ["starttls", "tls", "none"],
    default: "starttls",
    summary: "How the way to the SMTP server is protected: starttls (refused without), tls from the start, or none.",
  },
  smtpca: {
    type: "text",
    default: "",
    summary: "PEM file of the authority that signed the SMTP server's certificate, where it is one of your own.",
  },
  smtptimeout: {
    type: "integer",
    min: 1,
    max: 100,
    default: "30",
    summary: "Seconds for which an SMTP server that says nothing is waited for.",
  },
  mailfrom: { type: "text", default: "", summary: "Sender of mails: box@example.com, or Name <box@example.com>." },
  mailto: {
    type: "text",
    default: "",
    summary: "Addresses of the administrators, with commas: where reports go, and mails of actions without ***TO.",
  },
  publicurl: {
    type: "text",
    default: "",
    summary: "Address of the service as its users know it, for mails; never taken from a request.",
  },
  // Push
  pushurl: {
    type: "text",
    default: "",
    summary: "Address of a push gateway, which gets each notification as JSON by POST; none are sent without it.",
  },
  pushkey: { type: "text", default: "", secret: true, summary: "Sent to the push gateway as a bearer token." },
  vapidpublickey: { type: "text", default: "", summary: "Public key of web push (npx web-push generate-vapid-keys)." },
  vapidprivatekey: { type: "text", default: "", secret: true, summary: "Private key of web push." },
  vapidsubject: { type: "text", default: "", summary: "Contact for browsers' push services: mailto:box@example.com." },
  // The machine; none of it can be set in tb_settings
  allowedcommands: {
    type: "text",
    default: "",
    owner: true,
    summary:
      "Programs that cmd and actions may run, with commas, as they are written there: /usr/bin/uptime; none by default.",
  },
  commandtimeout: {
    type: "integer",
    min: 1,
    max: 600,
    default: "30",
    summary: "Seconds after which a command is ended.",
  },
  allowrestart: {
    type: "flag",
    default: "0",
    owner: true,
    summary: "restart may end the service with exit code 75, for a supervisor that starts it again.",
  },
  databaserestartcommand: { type: "text", default: "", owner: true, summary: "Command line of restart,database." },
  rebootcommand: { type: "text", default: "", owner: true, summary: "Command line of restart,server." },
  setipcommand: {
    type: "text",
    default: "",
    owner: true,
    summary: "Command line of setip, with {cardname} {ip} {mask} {gateway} {gwmetric} in it.",
  },
  timezonecommand: {
    type: "text",
    default: "",
    owner: true,
    summary: "Command line of timezoneset, with {zone} in it.",
  },
  ftprestartcommand: { type: "text", default: "", owner: true, summary: "Command line of ftprst." },
  webrestartcommand: { type: "text", default: "", owner: true, summary: "Command line of webrst." },
  upgradecommand: { type: "text", default: "", owner: true, summary: "Command line of upgradeall, with {what} in it." },
  // Files
  filesroot: { type: "text", default: "data/files", summary: "Folder of putfile, getfile, file and the ini files." },
  filestorage: {
    type: "text",
    default: "data/filestorage",
    summary:
      "The public file storage: folder of pputfile and pgetfile. Where it is webroot's filestorage, /mvweb shows it too.",
  },
  filestoragequota: {
    type: "integer",
    min: 0,
    max: 1000000000000,
    default: "16777216",
    summary: "Bytes that one user may keep in the public file storage.",
  },
  recordingsroot: {
    type: "text",
    default: "data/files/recordings",
    summary: "Folder of the recorded calls: SIPCALLID.wav or .mp3, percent-encoded, there or in a folder YYYY-MM-DD.",
  },
  maxfilesize: {
    type: "integer",
    min: 1,
    max: 1073741824,
    default: "67108864",
    summary: "Bytes of a file that is saved, or read as a whole.",
  },
  maxfiletext: {
    type: "integer",
    min: 1,
    max: 268435456,
    default: "1048576",
    summary: "Bytes of a file that an answer carries as base64; over HTTP files have no limit.",
  },
  faxgateway: {
    type: "text",
    default: "",
    summary: "Address (http or https) to which sendfax posts a form of from, to and file; empty for none.",
  },
  faxgatewaykey: {
    type: "text",
    default: "",
    secret: true,
    summary: "Sent to the fax gateway as Authorization: Bearer.",
  },
  maxloglines: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "1000",
    summary: "Lines of a log that showlog and logsearch answer at most.",
  },
  // Calls and messages
  switchurl: {
    type: "text",
    default: "",
    summary: "Address of the SIP switch's control interface; empty where there is no switch.",
  },
  callbackaccessnumber: { type: "text", default: "", summary: "The number that users dial to be called back." },
  confroomprefix: {
    type: "text",
    default: "80",
    summary: "What the number of a user's conference room begins with; the user's id follows.",
  },
  maxnumbers: {
    type: "integer",
    min: 0,
    max: 1000,
    default: "10",
    summary: "Numbers for pin-less dialling, and callback numbers, that an account may have.",
  },
  maxoffmessages: {
    type: "integer",
    min: 0,
    max: 10000,
    default: "100",
    summary: "Chat messages that may wait for one user; further ones are refused.",
  },
  maxmessage: { type: "integer", min: 1, max: 10000, default: "1000", summary: "Characters of a chat message." },
  // Scheduled tasks
  scheduler: { type: "flag", default: "1", summary: "This server runs scheduled tasks; read at its start." },
  tasktimeout: {
    type: "integer",
    min: 100,
    max: 3600000,
    default: "30000",
    summary: "Milliseconds after which the statement of a scheduled task is ended.",
  },
  // Backups and the second database
  backuproot: { type: "text", default: "data/backup", summary: "Folder of the backups." },
  retainbackups: {
    type: "integer",
    min: 0,
    max: 100000,
    default: "30",
    summary: "Backups that are kept when a new one is made; 0 keeps all.",
  },
  db2: {
    type: "text",
    default: "",
    secret: true,
    summary: "Address of the second database, in the form of TBAPI_DB, for tbackup and dbfailover.",
  },
  // How long things are kept; maintenance removes what is older
  retaincdrs: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "0",
    summary: "Days for which call records are kept; 0 is for ever.",
  },
  retainsms: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "0",
    summary: "Days for which text messages are kept; 0 is for ever.",
  },
  retainmessages: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "90",
    summary: "Days for which messages to users that were offline are kept; 0 is for ever.",
  },
  retainpresence: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "30",
    summary: "Days for which states of presence that nobody renewed are kept; 0 is for ever.",
  },
  retainidempotency: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "90",
    summary: "Days for which repeat keys of requests (idempotencykey) are kept; 0 is for ever.",
  },
  retainoutbox: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "90",
    summary: "Days for which failed actions are kept; 0 is for ever.",
  },
  retainaudit: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "730",
    summary: "Days for which the record of changes is kept; 0 is for ever.",
  },
  retainhistory: {
    type: "integer",
    min: 0,
    max: 36500,
    default: "730",
    summary: "Days for which definitions that are out of force are kept; 0 is for ever.",
  },
  // SMS: a gateway over HTTP or an SMS centre
  smsurl: {
    type: "text",
    default: "",
    secret: true,
    summary:
      "Address of the HTTP gateway that sends SMS, with {from} {to} {text} behind its question mark; also {coding} (0, or 2 for UCS-2), {id}, {dlr}, the address for delivery reports, and {udh}: with it each part is sent alone, behind its header in bytes.",
  },
  smssuccess: {
    type: "pattern",
    default: "^(?!\\s*(ERR|FAIL))",
    summary: "What the gateway's answer looks like when it took a message; its HTTP status has to be good, too.",
  },
  smsidpattern: {
    type: "pattern",
    default: "",
    summary: "Finds the gateway's own id of a message in its answer, as the first group; needed where reports name it.",
  },
  smsreporturl: {
    type: "text",
    default: "",
    summary:
      "This server's smsdlr as the gateway reaches it, with the gateway's mark for the status, such as http://HOST/mvapireq/?apientry=smsdlr&status=%d; {dlr} of smsurl is this with the message's id and smssecret.",
  },
  smssecret: {
    type: "text",
    default: "",
    secret: true,
    summary: "What delivery reports have to show as secret; smsdlr is closed without it.",
  },
  smpphost: { type: "text", default: "", summary: "Host of the SMS centre (SMPP 3.4), where smsurl is empty." },
  smppport: { type: "integer", min: 1, max: 65535, default: "2775", summary: "Port of the SMS centre." },
  smppsystemid: { type: "text", default: "", summary: "Name of this server at the SMS centre." },
  smpppassword: { type: "text", default: "", secret: true, summary: "Its password at the SMS centre." },
  smppsystemtype: { type: "text", default: "", summary: "Its system type at the SMS centre; mostly empty." },
  smsfrom: {
    type: "text",
    default: "",
    summary: "Sender of messages that name none, where the account has no phone number: digits, or up to 11 letters.",
  },
  smsmaxparts: {
    type: "integer",
    min: 1,
    max: 255,
    default: "10",
    summary: "Parts of a message; longer ones are refused.",
  },
  smswait: {
    type: "integer",
    min: 0,
    max: 300,
    default: "20",
    summary: "Seconds for which sendsmssync and the like wait for the delivery report.",
  },
  smsrefund: {
    type: "flag",
    default: "1",
    summary: "A message that the network did not deliver is refunded; one that could not be sent always is.",
  },
  smscommands: {
    type: "text",
    default: "p2p cb callback balance rating charge cli",
    summary: "Entries that a phone may call by SMS; empty for none.",
  },
  smsanswers: {
    type: "integer",
    min: 0,
    max: 10000,
    default: "10",
    summary: "Answers by SMS to one number in an hour, so that two machines don't answer each other without end.",
  },
  signupsms: {
    type: "flag",
    default: "0",
    summary: "A sign-up with newuseru opens its account only once newusercode has shown the code that was sent by SMS.",
  },
  // Data
  currency: { type: "text", default: "USD", summary: "The native currency." },
  pricerounding: {
    type: "choice",
    choices: ["nearest", "up", "down"],
    default: "nearest",
    summary: "How the price of a call is rounded, once, at its end.",
  },
  pricedecimals: { type: "integer", min: 0, max: 6, default: "6", summary: "Places that the price of a call keeps." },
  paymenturl: {
    type: "text",
    default: "",
    summary: "Address of the payment gateway for cards: https, or http on this machine; empty for none.",
  },
  paymentkey: { type: "text", default: "", secret: true, summary: "What the payment gateway knows this server by." },
  paymenttimeout: {
    type: "integer",
    min: 1,
    max: 120,
    default: "20",
    summary: "Seconds for the payment gateway's answer; what it accepted later is found by looking the payment up.",
  },
  phonenumberlimit: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "5",
    summary: "Phone numbers of the free pool that an account may hold.",
  },
  sqltimeout: {
    type: "integer",
    min: 50,
    max: 3600000,
    default: "5000",
    summary: "Milliseconds after which a statement is ended.",
  },
  maxrows: {
    type: "integer",
    min: 1,
    max: 100000,
    default: "100",
    summary: "Rows that a custom entry or db shows; together they may take 16 MB.",
  },
  maxcdrs: {
    type: "integer",
    min: 1,
    max: 1000000,
    default: "10000",
    summary: "Call records that one request may ask for with maxcount.",
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

const NAMES = Object.keys(OPTIONS) as OptionName[];

/** Options whose values nobody is shown, and the others. */
export const SECRET_OPTIONS: readonly OptionName[] = NAMES.filter((name) => "secret" in OPTIONS[name]);
export const SHOWN_OPTIONS: readonly OptionName[] = NAMES.filter((name) => !("secret" in OPTIONS[name]));

/** Options that are set in the environment alone. */
export const OWNER_OPTIONS: readonly OptionName[] = NAMES.filter((name) => "owner" in OPTIONS[name]);
