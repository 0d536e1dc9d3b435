/** Backups of the database in use and their restore; the second database: copies to it, and the change over to it. */
import type { PlaceState, RestoreReport, Storage } from "../contracts.js";
import { type Database, DatabaseError } from "../database/database.js";
import { migrate, migrationNames } from "../database/migrate.js";
import type { OpenOptions } from "../database/open.js";
import type { SwitchableDatabase } from "../database/switchable.js";
import { ApiError } from "../errors.js";
import type { Gate } from "../gate.js";
import type { Log } from "../log.js";
import type { StoredSettings } from "../settings-store.js";
import { type Backup, Backups } from "./backups.js";
import { type Copier, copierOf } from "./copier.js";
import { lastMigration, placeState, stateOf } from "./place.js";
import { announce, type Served, settle } from "./settle.js";

export interface StorageParts {
  database: SwitchableDatabase;
  /** Of the first database, as `TBAPI_DB` has it. */
  address: string;
  open(address: string, options?: OpenOptions): Promise<Database>;
  settings: StoredSettings;
  gate: Gate;
  log: Log;
  /** The generation of the definitions that this server serves. */
  generation(): number;
  /** Reads again what the server keeps of the database. */
  renew(): Promise<void>;
}

type Place = 1 | 2;

export class DatabaseStorage implements Storage {
  readonly #parts: StorageParts;
  readonly #backups: Backups;
  #inUse: Place = 1;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    this.#backups = new Backups(() => parts.settings.current.backuproot);
  }

  async backup(name: string | undefined, youngerThan: number): Promise<{ backup: Backup; made: boolean }> {
    const [newest] = youngerThan > 0 ? await this.#backups.list() : [];
    if (newest !== undefined && Date.now() - Date.parse(newest.made) < youngerThan * 3_600_000)
      return { backup: newest, made: false };
    const backup = await this.#make(name ?? `tbapi-${stamp()}`, this.#copier(this.#inUse));
    await this.#backups.retain(this.#parts.settings.current.retainbackups);
    return { backup, made: true };
  }

  async restore(name: string): Promise<RestoreReport> {
    const { gate, log, database, renew } = this.#parts;
    const copier = this.#copier(this.#inUse);
    const { backup, path } = await this.#backups.verified(name, copier.dialect);
    if (!(await migrationNames()).includes(backup.migration))
      throw new ApiError("conflict", `this backup was made by a newer version (${backup.version})`);
    return gate.alone("the database is being restored; try again in a few seconds", async () => {
      const prepare = (address: string) => this.#prepare(address);
      const dump = (keep: string) => copier.load(path, { prepare, keep });
      const safety = await this.#make(`before-restore-${stamp()}`, { ...copier, dump });
      await database.reset();
      await renew();
      log.warn({ event: "restore", backup: name, safety: safety.name }, "the database was restored");
      return { backup, safety };
    });
  }

  async copyToOther(): Promise<{ place: number; milliseconds: number }> {
    const started = performance.now();
    const other = this.#other();
    const from = this.#copier(this.#inUse);
    const to = this.#copier(other);
    if (from.dialect !== to.dialect)
      throw new ApiError("not configured", `db2 must be a database of the same kind as the first: ${from.dialect}`);
    if ((await to.others()) > 0)
      throw new ApiError(
        "conflict",
        `database ${other} is in use by another server or program; nothing is copied over it`,
      );
    await this.#backups.passing(from, (file) => to.load(file));
    return { place: other, milliseconds: Math.round(performance.now() - started) };
  }

  async places(): Promise<PlaceState[]> {
    const { database } = this.#parts;
    const states = [1, 2].map(async (place): Promise<PlaceState> => {
      if (place === this.#inUse) return placeState(place, "in use", await stateOf(database));
      if (place === 2 && this.#parts.settings.current.db2 === "") return placeState(place, "not configured");
      const found = await this.#probe(place as Place);
      return placeState(place, found === undefined ? "no answer, or no data" : "ready", found);
    });
    return Promise.all(states);
  }

  async changeOver(wanted: number | undefined, withCopy: boolean): Promise<{ place: number }> {
    const other = this.#other();
    if (wanted === this.#inUse) throw new ApiError("conflict", `database ${wanted} is in use already`);
    return this.#parts.gate.alone("the database is being changed over; try again in a few seconds", async () => {
      if (withCopy) await this.copyToOther();
      await this.#changeTo(other);
      return { place: other };
    });
  }

  async #changeTo(place: Place): Promise<void> {
    const { database, log, open, renew, settings } = this.#parts;
    const found = await this.#probe(place);
    if (found === undefined)
      throw new ApiError(
        "not available",
        `database ${place} does not answer or holds no data; tbackup copies them there`,
      );
    if (!(await migrationNames()).includes(found.migration))
      throw new ApiError("conflict", `database ${place} was used by a newer version`);
    const address = this.#address(place);
    // What another server uses already was settled when that one changed over.
    const isInUse = (await this.#copier(place).others()) > 0;
    await migrate(address);
    const next = await open(address);
    try {
      await settings.read(next);
      await (isInUse ? announce : settle)(next, this.#served());
    } catch (cause) {
      await next.close();
      throw cause;
    }
    database.replace(next, log);
    this.#inUse = place;
    await renew();
    log.warn({ event: "failover", place }, "the other database is in use now");
  }

  /** Makes restored data those of this version and this server. Errors: ApiError "failed" for those that can't be used here. */
  async #prepare(address: string): Promise<void> {
    const { open, settings } = this.#parts;
    await migrate(address);
    const restored = await open(address, { existing: true });
    try {
      await settings.read(restored);
      await settle(restored, this.#served());
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      throw new ApiError("failed", `this backup can't be used: ${cause.detail}`, { cause });
    } finally {
      await restored.close();
    }
  }

  #served(): Served {
    const { generation, settings } = this.#parts;
    return { generation: generation(), settings: settings.seen };
  }

  async #make(name: string, copier: Pick<Copier, "dialect" | "ending" | "dump">): Promise<Backup> {
    return this.#backups.make(name, copier, await lastMigration(this.#parts.database));
  }

  /** undefined where the database does not answer, or has no tables of this project. */
  async #probe(place: Place): Promise<Awaited<ReturnType<typeof stateOf>> | undefined> {
    const { open, log } = this.#parts;
    try {
      const database = await open(this.#address(place), { existing: true });
      return await stateOf(database).finally(() => database.close());
    } catch (cause) {
      if (!(cause instanceof DatabaseError)) throw cause;
      log.warn({ event: "second database", place, err: cause }, "a database can't be used");
      return undefined;
    }
  }

  #copier(place: Place): Copier {
    return copierOf(this.#address(place), this.#parts.log);
  }

  /** Errors: ApiError "not configured" without a second database. */
  #other(): Place {
    this.#address(2);
    return this.#inUse === 1 ? 2 : 1;
  }

  #address(place: Place): string {
    const { address, settings } = this.#parts;
    if (place === 1) return address;
    const { db2 } = settings.current;
    if (db2 === "") throw new ApiError("not configured", "set db2 to the address of the second database");
    return db2;
  }
}

/** `20261125-193000-123`, UTC. */
const stamp = (): string => new Date().toISOString().slice(0, 23).replace(/[-:]/g, "").replace(/[T.]/g, "-");
