//! Embeds the built pages (`web/dist`) in the library. Without them everything still builds; the gateway then serves a
//! page that says how to make them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("web/dist");
    // A missing folder would make Cargo run this at every build. Git ignores it.
    let _ = fs::create_dir_all(&root);
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let Ok(relative) = file.strip_prefix(&root) else { continue };
        let (Some(url), Some(path)) = (relative.to_str(), file.to_str()) else { continue };
        let _ = writeln!(text, "    (\"/{}\", include_bytes!({path:?})),", url.replace('\\', "/"));
    }
    text.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("pages.rs");
    if let Err(error) = fs::write(&out, text) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
