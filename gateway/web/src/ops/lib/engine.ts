import { percentile, rate, type Sample } from "./prometheus.js";

const PREFIX = "vendue_engine_";

/** Seconds after which an append to the journal is told of: a disk that works takes a thousandth of it. */
const STALLED_S = 0.5;

/** What the engine tells of itself, as the dashboard shows it. `null`: not known, or not between these two looks. */
export interface EngineSigns {
  /** Decisions that break an invariant since the engine's start, and what else no right history holds. */
  broken: number;
  /** Seconds that the append under way has taken, where that is far too long. */
  stalled: number | null;
  /** Upper bound in milliseconds of the appends, syncs included. */
  append_p99_ms: number | null;
  records: number | null;
  commits: number | null;
  waiting: number;
  views_behind: number;
  effects_waiting: number;
  resident: number;
  checkpoint_age: number;
  archive_behind: number;
  notary_behind: number;
  inspector_behind: number;
}

/** The signs at `now`; rates since `before`. `null` where the engine is away, or tells nothing. */
export function engineSigns(before: Sample | undefined, now: Sample): EngineSigns | null {
  if (!now.plain.has(`${PREFIX}journal_position`)) return null;
  const value = (name: string): number => now.plain.get(PREFIX + name) ?? 0;
  const rising = (name: string): number | null => (before ? rate(before, now, (sample) => sample.plain.get(PREFIX + name) ?? 0) : null);
  const stalled = value("journal_stalled_seconds");
  const bound = before && before.appends.length > 0 ? percentile(before, now, 0.99, (sample) => sample.appends) : null;
  return {
    broken: value("invariant_violations_total") + value("effects_declined_total") + value("panics_total"),
    stalled: stalled >= STALLED_S ? stalled : null,
    append_p99_ms: bound === null ? null : bound * 1000,
    records: rising("journal_records_total"),
    commits: rising("journal_commits_total"),
    waiting: value("journal_waiting"),
    views_behind: value("views_behind"),
    effects_waiting: value("effects_waiting"),
    resident: value("resident_actors"),
    checkpoint_age: value("checkpoint_age_seconds"),
    archive_behind: value("archive_behind"),
    notary_behind: value("notary_behind"),
    inspector_behind: value("inspector_behind"),
  };
}
