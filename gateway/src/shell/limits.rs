//! What the operating system allows this process: open files, above all.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::options::GatewayOptions;

/// Files that a process needs beside its sockets: logs, links, keys, the runtime's own.
const OTHER_FILES: u64 = 64;

/// Raises the soft limit of open files as far as the hard one allows, and says so where it stays below what the options ask for.
pub(super) fn prepare(options: &GatewayOptions) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted(options);
    let (raise_to, short) = judge(limit, wanted);
    if let Some(current) = raise_to
        && let Err(error) =
            setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    if let Some(allowed) = short {
        tracing::warn!(
            allowed,
            wanted,
            "the system allows fewer open files than gateway.connections_max needs: about {} connections will fit; raise the hard \
             limit (LimitNOFILE= in the systemd unit, `ulimit -Hn` in a shell), or lower gateway.connections_max",
            allowed.saturating_sub(OTHER_FILES)
        );
    }
}

fn wanted(options: &GatewayOptions) -> u64 {
    options.connections_max as u64 * options.threads as u64 + OTHER_FILES
}

/// The soft limit to be set, where it has to be; and what is allowed, where that is less than wanted.
fn judge(limit: Rlimit, wanted: u64) -> (Option<u64>, Option<u64>) {
    let reachable = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let soft = limit.current.unwrap_or(u64::MAX);
    let raise_to = (soft < reachable).then_some(reachable);
    let allowed = soft.max(reachable);
    (raise_to, (allowed < wanted).then_some(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_judged() {
        let check = |current: Option<u64>, maximum: Option<u64>, expected: (Option<u64>, Option<u64>)| {
            assert_eq!(judge(Rlimit { current, maximum }, 10_064), expected, "{current:?} {maximum:?}");
        };
        check(Some(1_024), Some(1_048_576), (Some(10_064), None));
        check(Some(1_024), None, (Some(10_064), None));
        check(Some(1_024), Some(4_096), (Some(4_096), Some(4_096)));
        check(Some(4_096), Some(4_096), (None, Some(4_096)));
        check(Some(20_000), Some(20_000), (None, None));
        check(None, None, (None, None));
    }
}
