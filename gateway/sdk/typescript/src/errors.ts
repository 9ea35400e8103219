/** What became of a command that did not succeed (protocol, section 2). */
export type Outcome = "rejected" | "not_executed" | "unknown";

/** An error as it travels on the wire. */
export interface WireError {
  code: string;
  message: string;
  temporary?: boolean;
  outcome?: Outcome;
  retry_after_ms?: number | null;
  details?: Record<string, unknown>;
}

/**
 * A request that did not succeed. `code` is the protocol's code (`bid_too_low`, `lot_closed`, ...). `outcome` says
 * whether the rules said no (`rejected`), the command was never executed (`not_executed`), or nobody could be asked
 * (`unknown`: only after the client looked for the outcome as long as its options allow).
 */
export class VendueError extends Error {
  readonly code: string;
  readonly temporary: boolean;
  readonly outcome: Outcome;
  readonly retryAfterMs: number | null;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(error: WireError) {
    super(error.message || error.code);
    this.name = "VendueError";
    this.code = error.code;
    this.temporary = error.temporary ?? false;
    this.outcome = error.outcome ?? "rejected";
    this.retryAfterMs = error.retry_after_ms ?? null;
    this.details = error.details ?? {};
  }

  /** An error that the client itself found, worded like the server's. */
  static local(code: string, message: string, outcome: Outcome, temporary = true): VendueError {
    return new VendueError({ code, message, outcome, temporary });
  }
}
