//! `vendue-mutants`: builds the suites with all seeded bugs, switches one on after the other, and says which suite caught it and how
//! soon. A mutant that survives says that a suite is weak: the exit code is 1 then.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use vendue_mutants::{MUTANTS, Mutant};

/// The packages whose tests are the suites, the cheapest first.
const PACKAGES: [&str; 5] =
    ["vendue-domain", "vendue-storage", "vendue-gateway", "vendue-engine", "vendue-simulation"];
/// How much longer than without a bug a suite may take with one, and how much at least: one that never ends is caught, too.
const PATIENCE: (u32, Duration) = (12, Duration::from_secs(120));
/// How often a running suite is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How many fresh worlds the simulation lives through for each mutant.
const WORLDS: &str = "30";

/// Runs the suites against each seeded bug.
#[derive(Debug, Parser)]
#[command(name = "vendue-mutants", version)]
struct Arguments {
    /// Only mutants whose names hold this.
    #[arg(long)]
    only: Option<String>,
    /// Every N-th only, beginning with another one each day: for machines that have little time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// How many mutants are tried at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Lists the mutants, and builds nothing.
    #[arg(long)]
    list: bool,
}

/// One test binary.
#[derive(Debug, Clone)]
struct Suite {
    package: String,
    /// Its name: the package's, or that of its file under `tests/`.
    name: String,
    path: PathBuf,
    /// Where its tests expect to run.
    dir: PathBuf,
    /// How long it takes without a bug.
    usual: Duration,
}

/// How a suite ended.
enum Ended {
    Passed,
    /// The first test that failed, or why it did not come to an end.
    Caught(String),
}

/// What became of a mutant.
struct Verdict {
    caught: Option<(String, String)>,
    took: Duration,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let day = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() / 86_400);
    let chosen: Vec<&Mutant> = MUTANTS
        .iter()
        .enumerate()
        .filter(|(nth, _)| (*nth as u64 + day).is_multiple_of(arguments.every))
        .map(|(_, mutant)| mutant)
        .filter(|mutant| arguments.only.as_ref().is_none_or(|part| mutant.name.contains(part.as_str())))
        .collect();
    if arguments.list {
        for Mutant { name, invariant, breaks, .. } in chosen {
            println!("{invariant:8} {name:32} {breaks}");
        }
        return ExitCode::SUCCESS;
    }
    let mut suites = match build() {
        Ok(suites) => suites,
        Err(why) => {
            eprintln!("vendue-mutants: {why}");
            return ExitCode::FAILURE;
        }
    };
    // A suite that fails without a bug would catch everything.
    for suite in &mut suites {
        let began = Instant::now();
        let ended = run(suite, "", "");
        suite.usual = began.elapsed();
        if let Ended::Caught(what) = ended {
            eprintln!("vendue-mutants: {} fails without any mutant: {what}", suite.name);
            return ExitCode::FAILURE;
        }
    }
    let verdicts = try_all(&chosen, &suites, arguments.jobs.max(1));
    report(&chosen, &verdicts)
}

/// Tries each mutant, a few at a time.
fn try_all(chosen: &[&Mutant], suites: &[Suite], jobs: usize) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let verdicts: Mutex<BTreeMap<usize, Verdict>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mutant) = chosen.get(nth) else { return };
                    let verdict = hunt(mutant, suites);
                    let how = verdict.caught.as_ref().map_or("SURVIVES", |(suite, _)| suite);
                    eprintln!("{:32} {how} {:.1} s", mutant.name, verdict.took.as_secs_f64());
                    verdicts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(nth, verdict);
                }
            });
        }
    });
    verdicts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect()
}

/// Runs suites against a mutant until one catches it: the one that should first, then all.
fn hunt(mutant: &Mutant, suites: &[Suite]) -> Verdict {
    let began = Instant::now();
    let (package, tests) = mutant.first;
    let own = suites.iter().filter(|suite| suite.package == package);
    let likely = own.clone().filter(|_| !tests.is_empty()).map(|suite| (suite, tests));
    let others = suites.iter().filter(|suite| suite.package != package);
    for (suite, filter) in likely.chain(own.chain(others).map(|suite| (suite, ""))) {
        if let Ended::Caught(what) = run(suite, filter, mutant.name) {
            return Verdict { caught: Some((suite.name.clone(), what)), took: began.elapsed() };
        }
    }
    Verdict { caught: None, took: began.elapsed() }
}

/// Builds the suites with all seeded bugs in them.
fn build() -> Result<Vec<Suite>, String> {
    let features: Vec<String> = PACKAGES.iter().map(|package| format!("{package}/mutants")).collect();
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args([
        "test",
        "--no-run",
        "--locked",
        "--profile",
        "mutants",
        "--message-format",
        "json-render-diagnostics",
    ]);
    command.args(["--lib", "--tests", "--features", &features.join(",")]);
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot run cargo: {error}"))?;
    let output = child.stdout.take().ok_or("cargo has no output")?;
    let mut suites = Vec::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        let (Some(path), true) = (message["executable"].as_str(), message["profile"]["test"] == true) else {
            continue;
        };
        let manifest = Path::new(message["manifest_path"].as_str().unwrap_or_default());
        let package = message["package_id"].as_str().unwrap_or_default();
        let Some(package) = PACKAGES.iter().find(|name| {
            package.contains(&format!("{name}@"))
                || package.contains(&format!("{name}#"))
                || manifest.ends_with(room(name))
        }) else {
            continue;
        };
        let target = message["target"]["name"].as_str().unwrap_or_default().to_owned();
        suites.push(Suite {
            package: (*package).to_owned(),
            name: target,
            path: PathBuf::from(path),
            dir: manifest.parent().unwrap_or(Path::new(".")).to_owned(),
            usual: Duration::ZERO,
        });
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("the suites with the seeded bugs cannot be built".to_owned());
    }
    suites.sort_by_key(|suite| PACKAGES.iter().position(|package| *package == suite.package));
    Ok(suites)
}

/// Where a package's manifest stands.
fn room(package: &str) -> &'static str {
    match package {
        "vendue-domain" => "engine/domain/Cargo.toml",
        "vendue-storage" => "storage/Cargo.toml",
        "vendue-gateway" => "gateway/Cargo.toml",
        "vendue-engine" => "engine/Cargo.toml",
        _ => "engine/simulation/Cargo.toml",
    }
}

/// Runs one suite with a mutant (or none) to its end.
fn run(suite: &Suite, filter: &str, mutant: &str) -> Ended {
    let mut command = Command::new(&suite.path);
    command
        .current_dir(&suite.dir)
        .env("VENDUE_SEEDS", WORLDS)
        .env("RUST_BACKTRACE", "0")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .args(["--test-threads", "1"]);
    if !filter.is_empty() {
        command.arg(filter);
    }
    if !mutant.is_empty() {
        command.env("VENDUE_MUTANT", mutant);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ended::Caught(format!("it cannot be run: {error}")),
    };
    let (failed, first) = std::sync::mpsc::sync_channel(1);
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        // Read to its end, so that the suite never waits for us; the first failure is all that counts.
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
        {
            let test = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"));
            if let Some(test) = test {
                let _ = failed.try_send(test.to_owned());
            }
        }
    });
    let began = Instant::now();
    let patience = (suite.usual * PATIENCE.0).max(PATIENCE.1);
    let ended = loop {
        if let Ok(test) = first.try_recv() {
            break Ended::Caught(test);
        }
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break Ended::Passed,
            Ok(Some(_)) => {
                let said = first.recv_timeout(LOOK);
                break Ended::Caught(said.unwrap_or_else(|_| "it broke down".to_owned()));
            }
            Ok(None) if mutant.is_empty() || began.elapsed() < patience => std::thread::sleep(LOOK),
            _ => break Ended::Caught("it never ends".to_owned()),
        }
    };
    // One that goes on after its first failure has nothing more to say.
    let _ = child.kill();
    let _ = child.wait();
    let _ = reader.join();
    ended
}

fn report(chosen: &[&Mutant], verdicts: &[Verdict]) -> ExitCode {
    println!("\n| invariant | mutant | what it breaks | caught by | after |\n|---|---|---|---|---|");
    let mut survivors = 0;
    for (mutant, verdict) in chosen.iter().zip(verdicts) {
        let by = match &verdict.caught {
            Some((suite, test)) => format!("{suite}: {test}"),
            None => {
                survivors += 1;
                "**nothing**".to_owned()
            }
        };
        let Mutant { name, invariant, breaks, .. } = mutant;
        println!("| {invariant} | `{name}` | {breaks} | {by} | {:.1} s |", verdict.took.as_secs_f64());
    }
    println!("\n{} mutants, {} caught, {survivors} survive", chosen.len(), chosen.len() - survivors);
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
