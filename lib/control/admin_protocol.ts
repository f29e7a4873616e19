/**
 * What `inspect` and the verbs of `nat` say to a running daemon, over a unix socket: one JSON object
 * a line. One request, then one answer; a stream (`events --follow`) is many `event` lines until
 * either side closes.
 */
export interface AdminRequest {
  readonly verb: string;
  readonly [argument: string]: unknown;
}

export type AdminAnswer =
  | { readonly ok: true; readonly result: unknown }
  /** `exit` is the exit status that the command should end with: 1 failed, 2 wrong usage. */
  | { readonly ok: false; readonly error: string; readonly exit: number }
  | { readonly event: unknown };

/** Longest line either side accepts. */
export const MAXIMUM_LINE_BYTES = 64 * 1024 * 1024;
/** Longest request. */
export const MAXIMUM_REQUEST_BYTES = 64 * 1024;

/** A request that cannot be carried out; `exit` as in {@linkcode AdminAnswer}. */
export class AdminError extends Error {
  override name = "AdminError";
  constructor(message: string, readonly exit = 1) {
    super(message);
  }
}
