/** What the client has seen since it was made. Counters only grow. */
export interface Stats {
  /** Connections that reached the reply to `connect`. */
  connections: number;
  /** Attempts that ended without it. */
  failed_attempts: number;
  frames_in: number;
  frames_out: number;
  /** UTF-16 units of text received; bytes for plain ASCII. */
  characters_in: number;
  events: number;
  /** Events that were already known and dropped. */
  duplicates: number;
  /** Breaks in a channel's sequence, silent ones found by a heartbeat included. */
  gaps: number;
  /** Subscriptions that were continued with every missed event. */
  resumed: number;
  /** Subscriptions that were answered with a snapshot. */
  snapshots: number;
  requests: number;
  replies: number;
  /** Requests sent again with the same key. */
  retries: number;
  /** Commands whose outcome had to be asked for. */
  outcomes_asked: number;
  /** Messages that could not be read. */
  malformed: number;
}

export function emptyStats(): Stats {
  return {
    connections: 0,
    failed_attempts: 0,
    frames_in: 0,
    frames_out: 0,
    characters_in: 0,
    events: 0,
    duplicates: 0,
    gaps: 0,
    resumed: 0,
    snapshots: 0,
    requests: 0,
    replies: 0,
    retries: 0,
    outcomes_asked: 0,
    malformed: 0,
  };
}
