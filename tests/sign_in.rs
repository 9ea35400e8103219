//! People sign in at a real OpenID provider (npm's `oidc-provider`), and the gateway in front of a real engine believes it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Demo, PATIENCE, vendue, wait};
use serde_json::Value;

/// Where the provider sends people. Nobody listens there: the test itself carries them to the gateway.
const REDIRECT: &str = "http://127.0.0.1:1/auth/callback";
const SECRET: &str = "the client's own secret: 100 %";
/// A verifier and its challenge: RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// `market` and the secret, form-encoded, in base64: as the provider wants them.
const BASIC: &str = "bWFya2V0OnRoZSUyMGNsaWVudCUyN3MlMjBvd24lMjBzZWNyZXQlM0ElMjAxMDAlMjAlMjU=";

/// The provider's packages, installed once in a place of the build's; why not, where that cannot be.
fn packages() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway/tests/oidc");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
    let same = |name: &str| std::fs::read(place.join(name)).ok() == std::fs::read(source.join(name)).ok();
    let is_installed = place.join("installed").exists() && same("package-lock.json");
    std::fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    for name in ["package.json", "package-lock.json", "provider.mjs"] {
        std::fs::copy(source.join(name), place.join(name)).map_err(|error| error.to_string())?;
    }
    if is_installed {
        return Ok(place);
    }
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&place)
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(place.join("installed"), "").map_err(|error| error.to_string())?;
    Ok(place)
}

/// A process that ends when it is let go of, and the first line it said.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    line: String,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { input: child.stdin.take(), child, line: line.trim().to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        wait(&mut self.child);
    }
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }
}

/// A browser: it keeps cookies, for each server its own.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    fn ask(&mut self, method: &str, url: &str, headers: &str, body: &str) -> Answer {
        let (host, path) = url.strip_prefix("http://").unwrap().split_at(url[7..].find('/').unwrap());
        let kept = self.cookies.iter().filter(|((one, _), _)| one == host);
        let cookies: Vec<_> = kept.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // HTTP/1.0, so that the answer comes in one piece.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {host}\r\ncookie: {}\r\n{headers}content-length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{url}: {answer:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let key = (host.to_owned(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        Answer { status, headers, body: body.to_owned() }
    }

    fn get(&mut self, url: &str) -> Answer {
        self.ask("GET", url, "", "")
    }

    /// Signs in with a name at the provider's pages, from where it is sent to; gives the address it is sent back to.
    fn at_provider(&mut self, issuer: &str, url: &str, name: &str) -> String {
        let mut answer = self.get(url);
        for _ in 0..12 {
            let place = answer.header("location").to_owned();
            assert!(!place.is_empty(), "{} {}", answer.status, answer.body);
            if place.starts_with(REDIRECT) {
                return place;
            }
            let place = if place.starts_with('/') { format!("{issuer}{place}") } else { place };
            answer = self.get(&place);
            if place.contains("/interaction/") {
                let prompt = if answer.body.contains("value=\"login\"") { "login" } else { "consent" };
                let form = format!("prompt={prompt}&login={name}&password=x");
                let headers = "content-type: application/x-www-form-urlencoded\r\n";
                answer = self.ask("POST", &place, headers, &form);
            }
        }
        panic!("the provider sends people round and round: {}", answer.body);
    }
}

/// Engine, gateway and provider.
struct Town {
    issuer: String,
    gateway: String,
    provider: Option<Process>,
    log: PathBuf,
    _gateway: Process,
    _demo: Demo,
}

impl Town {
    fn build(dir: &Path, packages: &Path) -> Self {
        let demo = Demo::start(&dir.join("data"), &["--bare"]);
        let provider = Process::start(
            Command::new("node").args(["provider.mjs", REDIRECT]).current_dir(packages).stderr(Stdio::null()),
        );
        let issuer = provider.line.clone();
        let (secret, log) = (dir.join("oidc.secret"), dir.join("gateway.log"));
        std::fs::write(&secret, SECRET).unwrap();
        let gateway = Process::start(
            vendue()
                .args(["gateway", "--until-input-closes", "--listen", "127.0.0.1:0", "--data-dir"])
                .arg(demo.text("data_dir"))
                .args(["--set", &format!("gateway.oidc_issuer={issuer:?}")])
                .args(["--set", "gateway.oidc_client_id=\"market\""])
                .args(["--set", &format!("gateway.oidc_client_secret={secret:?}")])
                .args(["--set", &format!("gateway.oidc_redirect={REDIRECT:?}")])
                .args(["--set", "log.level=\"trace\""])
                .stderr(std::fs::File::create(&log).unwrap()),
        );
        let ready: Value = serde_json::from_str(&gateway.line).unwrap();
        let address = format!("http://{}", ready["listening"].as_str().unwrap());
        let provider = Some(provider);
        Self { issuer, gateway: address, provider, log, _gateway: gateway, _demo: demo }
    }

    /// The provider's address that the gateway sends a browser to: once the gateway has reached it.
    fn login(&self, browser: &mut Browser, back: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = browser.get(&format!("{}/auth/login?return={back}", self.gateway));
            assert_eq!(answer.status, 303, "{}", answer.body);
            let place = answer.header("location").to_owned();
            if place.starts_with(&self.issuer) {
                return place;
            }
            assert!(Instant::now() < give_up, "the gateway does not reach the provider: {place}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Carries a browser that comes back from the provider to the gateway.
    fn callback(&self, browser: &mut Browser, back: &str) -> Answer {
        browser.get(&back.replace("http://127.0.0.1:1", &self.gateway))
    }

    fn sign_in(&self, browser: &mut Browser, name: &str) -> Value {
        let place = self.login(browser, "/lots/1?x=2");
        let back = browser.at_provider(&self.issuer, &place, name);
        let answer = self.callback(browser, &back);
        assert_eq!((answer.status, answer.header("location")), (303, "/lots/1?x=2"), "{back}");
        self.session(browser)
    }

    fn session(&self, browser: &mut Browser) -> Value {
        browser.get(&format!("{}/auth/session", self.gateway)).json()
    }

    /// The account as the API shows it to a token.
    fn account(&self, token: &str) -> Answer {
        let headers = format!("authorization: Bearer {token}\r\n");
        Browser::default().ask("GET", &format!("{}/v1/account.get", self.gateway), &headers, "")
    }

    /// A token of the provider's for one of its clients, by a program's own hand.
    fn provider_token(&self, client: &str, name: &str) -> String {
        let mut browser = Browser::default();
        let query = format!(
            "client_id={client}&response_type=code&scope=openid%20profile&redirect_uri={REDIRECT}&state=s\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let url = format!("{}/auth?{query}", self.issuer);
        let back = browser.at_provider(&self.issuer, &url, name);
        let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
        let who = if client == "market" { String::new() } else { format!("&client_id={client}") };
        let basic =
            if client == "market" { format!("authorization: Basic {BASIC}\r\n") } else { String::new() };
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}{who}"
        );
        let headers = format!("{basic}content-type: application/x-www-form-urlencoded\r\n");
        let answer = browser.ask("POST", &format!("{}/token", self.issuer), &headers, &form).json();
        answer["id_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

#[test]
fn people_sign_in_at_a_real_provider() {
    let packages = match packages() {
        Ok(packages) => packages,
        Err(why) => return eprintln!("skipped: no OpenID provider to sign in at: {why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::build(dir.path(), &packages);
    let mut browser = Browser::default();
    assert_eq!(town.session(&mut browser)["account"], Value::Null);

    let ada = town.sign_in(&mut browser, "ada");
    let token = text(&ada["token"]);
    let shown = town.account(&token);
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!(shown.json()["name"], "Person ada", "{}", shown.body);
    assert_eq!(shown.json()["account"], ada["account"]);

    // The same person in another browser is the same account, somebody else another one.
    let again = town.sign_in(&mut Browser::default(), "ada");
    assert_eq!(again["account"], ada["account"]);
    let bob = town.sign_in(&mut Browser::default(), "bob");
    assert_ne!(bob["account"], ada["account"]);

    wrong_ways_back(&town);
    sessions_end_everywhere(&town);
    let given = tokens_of_the_provider(&town, &ada);

    // The provider goes away: who is signed in stays so, its keys stay known, and nobody new comes in.
    town.provider = None;
    assert_eq!(town.session(&mut browser)["account"], ada["account"]);
    assert_eq!(town.account(&given).status, 200);
    let mut late = Browser::default();
    let attempt = town.login(&mut late, "/");
    let state = attempt.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let query = format!("code=x&state={state}&iss={}", town.issuer);
    let answer = town.callback(&mut late, &format!("{REDIRECT}?{query}"));
    assert_eq!(answer.header("location"), "/?sign_in=unavailable");

    let answer = browser.ask("POST", &format!("{}/auth/logout", town.gateway), "", "");
    assert_eq!(answer.json()["end_session"], format!("{}/session/end", town.issuer));
    assert_eq!(town.session(&mut browser)["account"], Value::Null);

    let log = std::fs::read_to_string(&town.log).unwrap();
    assert!(log.contains("the identity provider's keys are read"), "the log is this gateway's");
    for (what, secret) in [
        ("the client's secret", SECRET),
        ("it in a header", BASIC),
        ("a token", &token),
        ("the provider's token", &given),
    ] {
        assert!(!log.contains(secret), "{what} stands in the log");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// Answers that do not belong to the attempt of this browser.
fn wrong_ways_back(town: &Town) {
    let mut browser = Browser::default();
    let place = town.login(&mut browser, "/");
    let back = browser.at_provider(&town.issuer, &place, "eve");
    let kept = browser.cookies.clone();
    let check = |with: &BTreeMap<_, _>, back: &str, expected: &str| {
        let mut browser = Browser { cookies: with.clone() };
        let answer = town.callback(&mut browser, back);
        assert_eq!(answer.header("location"), format!("/{expected}"), "{back}");
        assert_eq!(town.session(&mut browser)["account"].is_null(), !expected.is_empty());
    };
    check(&BTreeMap::new(), &back, "?sign_in=expired");
    let mut stranger = Browser::default();
    town.login(&mut stranger, "/");
    check(&stranger.cookies, &back, "?sign_in=expired");
    check(&kept, &back.replace("state=", "state=x"), "?sign_in=expired");
    check(&kept, &back.replace("code=", "kode="), "?sign_in=failed");
    let (before, _) = back.split_once("iss=").unwrap();
    check(&kept, &format!("{before}iss=https%3A%2F%2Fevil.example"), "?sign_in=failed");
    check(&kept, before, "?sign_in=failed");
    check(&kept, &format!("{back}&error=access_denied"), "?sign_in=denied");
    check(&kept, &back, "");
    // A code is good once.
    check(&kept, &back, "?sign_in=failed");
}

/// Signing out everywhere ends a session whose cookie somebody has kept: its new tokens are void from the beginning.
fn sessions_end_everywhere(town: &Town) {
    let mut browser = Browser::default();
    let token = text(&town.sign_in(&mut browser, "mallory")["token"]);
    let headers = format!("authorization: Bearer {token}\r\nidempotency-key: out\r\n");
    let out =
        Browser::default().ask("POST", &format!("{}/v1/account.sign_out", town.gateway), &headers, "{}");
    assert_eq!(out.status, 200, "{}", out.body);
    // The gateway hears of it from the engine.
    let give_up = Instant::now() + PATIENCE;
    while town.account(&text(&town.session(&mut browser)["token"])).status == 200 {
        assert!(Instant::now() < give_up, "the session goes on");
    }
    assert_eq!(town.account(&text(&town.session(&mut browser)["token"])).status, 401);
    // Tokens tell when they were issued in whole seconds.
    while town.account(&text(&town.sign_in(&mut browser, "mallory")["token"])).status == 401 {
        assert!(Instant::now() < give_up, "nobody can sign in again");
    }
}

/// Programs bring the provider's own tokens. Gives one of ada's.
fn tokens_of_the_provider(town: &Town, ada: &Value) -> String {
    let given = town.provider_token("market", "ada");
    let shown = town.account(&given);
    assert_eq!((shown.status, &shown.json()["account"]), (200, &ada["account"]));
    let take = |headers: &str| {
        Browser::default().ask("POST", &format!("{}/auth/session", town.gateway), headers, "")
    };
    // Somebody who has never been here: the first time makes the account.
    let new = town.provider_token("market", "carol");
    assert_eq!(town.account(&new).status, 404);
    let taken = take(&format!("authorization: Bearer {new}\r\n")).json();
    assert_eq!(town.account(&text(&taken["token"])).json()["name"], "Person carol");
    assert_eq!(town.account(&new).status, 200);

    let others = town.provider_token("public", "ada");
    let (head, signature) = given.rsplit_once('.').unwrap();
    let (_, others_signature) = others.rsplit_once('.').unwrap();
    assert_ne!(signature, others_signature);
    for (what, token) in [
        ("another client's token", others.clone()),
        ("another token's signature", format!("{head}.{others_signature}")),
        ("no signature", format!("{head}.")),
    ] {
        assert_eq!(town.account(&token).status, 401, "{what}");
        assert_eq!(take(&format!("authorization: Bearer {token}\r\n")).status, 401, "{what}");
    }
    assert_eq!(take("").status, 401);
    let foreign = format!("authorization: Bearer {given}\r\norigin: https://evil.example\r\n");
    assert_eq!(take(&foreign).status, 403);
    given
}
