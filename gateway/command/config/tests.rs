use std::path::Path;

use super::*;

/// The file that ships holds every key, with the value the options have by themselves.
#[test]
fn the_shipped_file_and_the_options_are_in_step() {
    let shipped: Table = SHIPPED.parse().unwrap();
    for (key, default) in keys::known().keys {
        let (section, name) = key.split_once('.').unwrap();
        let table = shipped.get(section).unwrap_or_else(|| panic!("[{section}] is missing"));
        match table.get(name) {
            Some(value) => assert_eq!(serde_json::to_value(value).unwrap(), default, "{key}"),
            // What is off by default stands there as a comment that can be switched on.
            None => {
                assert!(default.is_null(), "{key} is missing");
                let body = section_text(section);
                assert!(
                    body.lines().any(|line| line.starts_with(&format!("# {name} = "))),
                    "{key} has no commented line"
                );
            }
        }
    }
    let mut walked = Vec::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SHIPPED).unwrap();
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    walked.extend(sources.assignments(&keys::known()).unwrap().1);
    assert!(walked.len() > 10);
}

/// Every key of the shipped file has a comment above it.
#[test]
fn every_key_of_the_shipped_file_is_explained() {
    let lines: Vec<&str> = SHIPPED.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(lines[at - 1].starts_with("# "), "no comment above line {}: {line}", at + 1);
        }
    }
}

fn section_text(section: &str) -> String {
    let start = SHIPPED.find(&format!("[{section}]")).unwrap();
    let rest = &SHIPPED[start + 1..];
    rest[..rest.find("\n[").unwrap_or(rest.len())].to_owned()
}

struct Case {
    file: &'static str,
    environment: &'static [(&'static str, &'static str)],
    set: &'static [&'static str],
    /// What is expected: `key = value (origin)`, or the error.
    expect: Result<(&'static str, &'static str, &'static str), &'static str>,
}

fn check(cases: &[Case]) {
    for case in cases {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vendue.toml");
        std::fs::write(&file, case.file).unwrap();
        let sources = Sources {
            file: Some(file.clone()),
            environment: case
                .environment
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            set: case.set.iter().map(|&text| text.to_owned()).collect(),
            flags: Vec::new(),
        };
        let plain = |text: String| text.replace(&format!("{}/", dir.path().display()), "");
        match (load(&sources), case.expect) {
            (Ok(loaded), Ok((key, value, origin))) => {
                let all = serde_json::to_value(&loaded.config).unwrap();
                let found = key.split('.').fold(&all, |value, name| &value[name]);
                assert_eq!(found.to_string(), value, "{key}");
                assert_eq!(plain(loaded.origin(key).to_string()), origin, "{key}");
            }
            (Err(error), Err(expected)) => assert_eq!(plain(error.to_string()), expected),
            (got, expected) => panic!("{}: got {got:?}, expected {expected:?}", case.file),
        }
    }
}

#[test]
fn defaults_file_environment_flags() {
    let file = "[demo]\nbidders = 3\n";
    check(&[
        Case { file: "", environment: &[], set: &[], expect: Ok(("demo.bidders", "25", "default")) },
        Case { file, environment: &[], set: &[], expect: Ok(("demo.bidders", "3", "vendue.toml:2")) },
        Case {
            file,
            environment: &[("VENDUE_DEMO__BIDDERS", "4")],
            set: &[],
            expect: Ok(("demo.bidders", "4", "environment VENDUE_DEMO__BIDDERS")),
        },
        Case {
            file,
            environment: &[("VENDUE_DEMO__BIDDERS", "4")],
            set: &["demo.bidders=5"],
            expect: Ok(("demo.bidders", "5", "flag --set demo.bidders=5")),
        },
        // Text needs no quotes outside the file; what others keep in the environment is not ours.
        Case {
            file,
            environment: &[("VENDUE_LOG__LEVEL", "debug"), ("VENDUE_TOKEN", "x"), ("PATH", "/bin")],
            set: &[],
            expect: Ok(("log.level", "\"debug\"", "environment VENDUE_LOG__LEVEL")),
        },
        // One key moves everything that lies in the data directory.
        Case {
            file: "[engine]\ndata_dir = \"/srv/vendue\"\n",
            environment: &[],
            set: &[],
            expect: Ok(("gateway.engine_socket", "\"/srv/vendue/engine.sock\"", "in engine.data_dir")),
        },
    ]);
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_nearest() {
    let none: &[(&str, &str)] = &[];
    check(&[
        Case {
            file: "[demo]\nlots = 1\nbiders = 3\n",
            environment: none,
            set: &[],
            expect: Err("vendue.toml:3: unknown key `demo.biders`; did you mean `demo.bidders`?"),
        },
        Case {
            file: "[demoo]\nlots = 1\n",
            environment: none,
            set: &[],
            expect: Err("vendue.toml:1: unknown section `demoo`; did you mean `demo`?"),
        },
        Case {
            file: "data_dir = \"x\"\n",
            environment: none,
            set: &[],
            expect: Err("vendue.toml:1: unknown key `data_dir`; did you mean `engine.data_dir`?"),
        },
        Case {
            file: "[demo]\nbidders = \"many\"\n",
            environment: none,
            set: &[],
            expect: Err(
                "vendue.toml:2: `demo.bidders` does not take this value: invalid type: string \"many\", expected u32",
            ),
        },
        Case {
            file: "[demo\n",
            environment: none,
            set: &[],
            expect: Err("vendue.toml:1 is not TOML: unclosed table, expected `]`"),
        },
        Case {
            file: "",
            environment: &[("VENDUE_DEMO__BIDERS", "4")],
            set: &[],
            expect: Err(
                "environment: unknown variable `VENDUE_DEMO__BIDERS`; did you mean `VENDUE_DEMO__BIDDERS`?",
            ),
        },
        Case {
            file: "",
            environment: &[("VENDUE_DEMO_BIDDERS", "4")],
            set: &[],
            expect: Err(
                "environment: unknown variable `VENDUE_DEMO_BIDDERS`; did you mean `VENDUE_DEMO__BIDDERS`?",
            ),
        },
        Case {
            file: "",
            environment: &[("VENDUE_DEMO__BIDDERS", "-1")],
            set: &[],
            expect: Err(
                "environment VENDUE_DEMO__BIDDERS: `demo.bidders` does not take this value: invalid value: integer `-1`, expected u32",
            ),
        },
        Case {
            file: "",
            environment: none,
            set: &["demo.lots"],
            expect: Err("--set demo.lots: expected SECTION.KEY=VALUE"),
        },
        Case {
            file: "",
            environment: none,
            set: &["demo.bots=1"],
            expect: Err("flag --set demo.bots=1: unknown key `demo.bots`; did you mean `demo.lots`?"),
        },
        Case {
            file: "",
            environment: none,
            set: &["demo.lots=0"],
            expect: Err("[demo] lots = 0: must be 1 to 2000"),
        },
    ]);
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let sources = Sources { file: Some(Path::new("/nowhere/vendue.toml").to_owned()), ..Sources::default() };
    let error = load(&sources).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/vendue.toml: No such file or directory (os error 2)");
}
