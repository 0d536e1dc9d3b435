/** One connection to an SMS centre: bound when needed, kept alive, bound again after it broke. */
import { setTimeout as pause } from "node:timers/promises";
import smpp, { type Pdu, type Session } from "smpp";
import { PassingError } from "../../engine/errors.js";
import type { Log } from "../../engine/log.js";
import type { Settings, SettingsStore } from "../../engine/settings.js";

/** Milliseconds. */
const BIND_PATIENCE = 10_000;
const ALIVE_EVERY = 30_000;
const LOOK_EVERY = 2_000;

const INTERFACE_VERSION = 0x34;
/** What a centre is told that shall deliver again later. */
const TRY_LATER = 0x64;

export class SmppLink {
  readonly #settings: SettingsStore;
  readonly #log: Log;
  readonly #received: (pdu: Pdu) => Promise<void>;
  readonly #stop = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  #bound: Promise<Session> | undefined;
  #boundTo = "";
  #keeping: Promise<void> | undefined;

  /** `received` takes each message or report; when it rejects the centre is asked to deliver it again. */
  constructor(settings: SettingsStore, log: Log, received: (pdu: Pdu) => Promise<void>) {
    this.#settings = settings;
    this.#log = log;
    this.#received = received;
  }

  /** Keeps the link up while a centre is set, so that reports and messages come in also while nothing goes out. */
  keep(): void {
    this.#keeping ??= this.#keep();
  }

  /** The centre's answer. Errors: PassingError when there is no link, or none came before the signal. */
  async submit(fields: Record<string, unknown>, signal: AbortSignal): Promise<Pdu> {
    const session = await this.#session();
    return new Promise<Pdu>((resolve, reject) => {
      const lost = () => reject(new PassingError("the SMS centre gave no answer"));
      const done = (answer: Pdu) => {
        session.socket.off("close", lost);
        signal.removeEventListener("abort", lost);
        resolve(answer);
      };
      session.socket.once("close", lost);
      signal.addEventListener("abort", lost, { once: true });
      if (signal.aborted || !session.submit_sm(fields, done)) lost();
    });
  }

  /** Finishes what came in, and closes the link. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#keeping;
    await Promise.all(this.#inHand);
    const session = await this.#bound?.catch(() => undefined);
    if (session !== undefined && !session.socket.destroyed)
      await new Promise<void>((resolve) => {
        session.socket.once("close", () => resolve());
        session.unbind();
        session.close();
        setTimeout(() => session.destroy(), 1_000).unref();
      });
  }

  async #keep(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { smpphost, smsurl } = this.#settings.current;
      if (smpphost !== "" && smsurl === "")
        await this.#session().catch((err: unknown) =>
          this.#log.warn({ event: "smpp", err }, "the SMS centre can't be used; it is tried again"),
        );
      await pause(LOOK_EVERY, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** The bound session; another one when the settings name another centre. */
  #session(): Promise<Session> {
    const { smpphost, smppport, smppsystemid, smpppassword, smppsystemtype } = this.#settings.current;
    const wanted = JSON.stringify([smpphost, smppport, smppsystemid, smpppassword, smppsystemtype]);
    if (this.#bound !== undefined && this.#boundTo === wanted) return this.#bound;
    void this.#bound?.then((session) => session.close()).catch(() => undefined);
    const binding = bind(this.#settings.current, this.#stop.signal).then((session) => this.#serve(session));
    this.#bound = binding;
    this.#boundTo = wanted;
    const forget = () => {
      if (this.#bound === binding) this.#bound = undefined;
    };
    binding.then((session) => session.socket.once("close", forget)).catch(forget);
    return binding;
  }

  #serve(session: Session): Session {
    session.on("deliver_sm", (pdu: Pdu) => {
      const work = this.#received(pdu)
        .then(() => void session.send(pdu.response()))
        .catch((err: unknown) => {
          this.#log.warn({ event: "smpp", err }, "what the SMS centre delivered could not be stored");
          session.send(pdu.response({ command_status: TRY_LATER }));
        })
        .finally(() => this.#inHand.delete(work));
      this.#inHand.add(work);
    });
    keepAlive(session);
    return session;
  }
}

/** Errors: PassingError. */
function bind(settings: Settings, signal: AbortSignal): Promise<Session> {
  const { smpphost: host, smppport: port, smppsystemid, smpppassword, smppsystemtype } = settings;
  if (signal.aborted) return Promise.reject(new PassingError("the server stops"));
  return new Promise((resolve, reject) => {
    const session = smpp.connect({ host, port });
    session.socket.setMaxListeners(100);
    const fail = (reason: string) => {
      clearTimeout(timer);
      session.destroy();
      reject(new PassingError(reason));
    };
    const timer = setTimeout(() => fail("the SMS centre does not answer"), BIND_PATIENCE);
    session.on("error", () => fail("the SMS centre can't be reached"));
    session.socket.once("close", () => fail("the SMS centre closed the link"));
    session.once("connect", () => {
      const fields = {
        system_id: smppsystemid,
        password: smpppassword,
        system_type: smppsystemtype,
        interface_version: INTERFACE_VERSION,
      };
      session.bind_transceiver(fields, ({ command_status: status }) => {
        if (status !== 0) return fail(`the SMS centre refused the login: status ${status}`);
        clearTimeout(timer);
        resolve(session);
      });
    });
  });
}

/** A centre that does not answer a question before the next one is gone. */
function keepAlive(session: Session): void {
  session.on("enquire_link", (pdu: Pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu: Pdu) => {
    session.send(pdu.response());
    session.close();
  });
  let waiting = false;
  const timer = setInterval(() => {
    if (waiting) return session.destroy();
    waiting = true;
    session.enquire_link(() => {
      waiting = false;
    });
  }, ALIVE_EVERY);
  session.socket.once("close", () => clearInterval(timer));
}
