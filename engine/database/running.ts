/** The statements that run now, and the end of those that run too long. One timer for all: a request pays for none. */

/** Milliseconds between two looks at the clock: how much longer than allowed a statement may run. */
const STEP = 20;

export interface RunningStatement {
  readonly id: number;
  readonly text: string;
  readonly startedAt: number;
  deadline: number;
  /** Called once, when the deadline has passed. */
  readonly overdue: () => void;
}

export class RunningStatements {
  #all = new Set<RunningStatement>();
  #lastId = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `limit` in milliseconds. */
  begin(text: string, limit: number, overdue: () => void): RunningStatement {
    const startedAt = performance.now();
    const statement = { id: ++this.#lastId, text, startedAt, deadline: startedAt + limit, overdue };
    this.#all.add(statement);
    this.#timer ??= setTimeout(this.#look, STEP);
    return statement;
  }

  /** Gives a statement that had to wait for its turn its whole time from now on. */
  restart(statement: RunningStatement, limit: number): void {
    statement.deadline = performance.now() + limit;
  }

  /** True when the statement ended in time: false when `overdue` was called already. */
  end(statement: RunningStatement): boolean {
    return this.#all.delete(statement);
  }

  list(): { id: string; text: string; milliseconds: number }[] {
    const now = performance.now();
    return [...this.#all].map(({ id, text, startedAt }) => ({
      id: String(id),
      text,
      milliseconds: Math.round(now - startedAt),
    }));
  }

  #look = (): void => {
    const now = performance.now();
    for (const statement of this.#all) {
      if (statement.deadline > now) continue;
      this.#all.delete(statement);
      statement.overdue();
    }
    if (this.#all.size === 0) this.#timer = undefined;
    else this.#timer?.refresh();
  };
}
