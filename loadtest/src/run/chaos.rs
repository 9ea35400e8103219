//! Trouble on the way: connections that break, requests that come twice, watchers that do not read, an engine that is killed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

/// How much of each. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Chaos {
    /// Of the connections and watchers that break each second, and come back.
    pub reconnect: f64,
    /// Of the requests that are sent twice.
    pub duplicate: f64,
    /// Of the watchers that read late.
    pub slow: f64,
    /// How often the private market's engine is killed.
    pub kill_engine: Option<Duration>,
}

impl Chaos {
    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for Chaos {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chaos = Self::default();
        for part in text.split(',') {
            let wrong = || {
                format!(
                    "{part:?} is none of reconnect=1%, duplicate=1%, slow=2%, kill-engine=10s (0% to 100%; 1s or more)"
                )
            };
            let (name, value) = part.trim().split_once('=').ok_or_else(wrong)?;
            let percent = || {
                let percent: f64 = value.strip_suffix('%')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
            };
            match name {
                "reconnect" => chaos.reconnect = percent().ok_or_else(wrong)?,
                "duplicate" => chaos.duplicate = percent().ok_or_else(wrong)?,
                "slow" => chaos.slow = percent().ok_or_else(wrong)?,
                "kill-engine" => {
                    let seconds: Option<f64> = value.strip_suffix('s').and_then(|text| text.parse().ok());
                    let seconds =
                        seconds.filter(|seconds| (1.0..=86_400.0).contains(seconds)).ok_or_else(wrong)?;
                    chaos.kill_engine = Some(Duration::from_secs_f64(seconds));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(chaos)
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (share, what) in [
            (self.reconnect, "of the connections break each second"),
            (self.duplicate, "of the requests come twice"),
            (self.slow, "of the watchers read late"),
        ] {
            if share > 0.0 {
                parts.push(format!("{} % {what}", share * 100.0));
            }
        }
        if let Some(every) = self.kill_engine {
            parts.push(format!("the engine is killed every {} s", every.as_secs_f64()));
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_read_and_said() {
        let chaos: Chaos = "reconnect=1%, duplicate=0.5%,slow=2%,kill-engine=10s".parse().unwrap();
        let expected = Chaos {
            reconnect: 0.01,
            duplicate: 0.005,
            slow: 0.02,
            kill_engine: Some(Duration::from_secs(10)),
        };
        assert_eq!(chaos, expected);
        assert!(chaos.to_string().ends_with("the engine is killed every 10 s"), "{chaos}");
        for wrong in [
            "",
            "reconnect",
            "reconnect=1",
            "reconnect=101%",
            "kill-engine=10",
            "kill-engine=0.1s",
            "fire=1%",
        ] {
            assert!(wrong.parse::<Chaos>().unwrap_err().contains("is none of"), "{wrong}");
        }
    }
}
