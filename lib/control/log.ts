/** How much is told: each level takes in those after it. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface LogOptions {
  readonly format: LogFormat;
  /** The least that is told. */
  readonly level: LogLevel;
  /** Takes one line, without its end. Default: stderr. */
  readonly write?: (line: string) => void;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/**
 * What a daemon tells as it goes: for people one sentence a line, for programs one JSON object a line
 * with `time` (RFC 3339), `level`, `message` and the fields of what is told.
 */
export class Log {
  readonly #options: Required<LogOptions>;

  constructor(options: LogOptions) {
    this.#options = { write: (line) => console.error(line), now: Date.now, ...options };
  }

  /** The options with which another process of this program tells the same. */
  get arguments(): readonly string[] {
    return ["--log", this.#options.format, "--log-level", this.#options.level];
  }

  get format(): LogFormat {
    return this.#options.format;
  }

  isTold(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#options.level);
  }

  /** What the event log has, in the words of programs. */
  debug(message: string, fields?: LogFields): void {
    this.#tell("debug", message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#tell("info", message, fields);
  }
  /** Something is not as it should be, and the daemon goes on. */
  warn(message: string, fields?: LogFields): void {
    this.#tell("warn", message, fields);
  }
  /** What was asked for was not done. */
  error(message: string, fields?: LogFields): void {
    this.#tell("error", message, fields);
  }

  #tell(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.isTold(level)) return;
    const { format, write, now } = this.#options;
    if (format === "text") return write(level === "debug" ? textOf(message, fields) : message);
    const own = { time: new Date(now()).toISOString(), level, message };
    // Own names are what readers count on, and come first.
    write(JSON.stringify({ ...own, ...fields, ...own }));
  }
}

/** An event has no sentence of its own. */
function textOf(message: string, fields: LogFields): string {
  const pairs = Object.entries(fields).map(([name, value]) =>
    `${name}=${typeof value === "string" && /[\s"=]/.test(value) ? JSON.stringify(value) : value}`
  );
  return [message, ...pairs].join(" ");
}
