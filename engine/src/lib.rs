//! The shell around the rules: shards, commits, timers, effects, link, recovery, views.
