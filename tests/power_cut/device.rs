//! An ext4 file system in a file, behind a loop device. Everything that is made here is taken away when it is dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted image.
pub struct Device {
    image: PathBuf,
    device: String,
    mount_point: PathBuf,
}

impl Device {
    /// Makes an image with an empty file system and mounts it; an error says why this machine cannot.
    pub fn make(image: &Path, mount_point: &Path, bytes: u64) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting needs root".to_owned());
        }
        std::fs::File::create(image)
            .and_then(|file| file.set_len(bytes))
            .map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-F", &image.display().to_string()])?;
        Self::attach(image, mount_point)
    }

    /// Mounts an image.
    pub fn attach(image: &Path, mount_point: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(mount_point).map_err(|error| error.to_string())?;
        let file = image.display().to_string();
        // Past the page cache, so that the image holds what the device was given, and nothing else.
        let device = run("losetup", &["--find", "--show", "--direct-io=on", &file])
            .or_else(|_| run("losetup", &["--find", "--show", &file]))?;
        let made = Self { image: image.to_owned(), device, mount_point: mount_point.to_owned() };
        run("mount", &["-t", "ext4", &made.device, &mount_point.display().to_string()])?;
        Ok(made)
    }

    pub fn mount_point(&self) -> &Path {
        &self.mount_point
    }

    /// What the device holds at this moment.
    pub fn copy(&self, to: &Path) -> Result<(), String> {
        run("cp", &["--sparse=always", &self.image.display().to_string(), &to.display().to_string()])
            .map(drop)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Lazily: a process that was started on it and is about to end may still hold it.
        let _ = run("umount", &["--lazy", &self.mount_point.display().to_string()]);
        let _ = run("losetup", &["--detach", &self.device]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
