//! Ctrl-C: the run ends at once with what it has; a second one ends the tool.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
pub fn listen() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                INTERRUPTED.store(true, Ordering::Relaxed);
                eprintln!("vendue-loadtest: interrupted, the report so far follows; again to end at once");
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(i32::from(crate::failure::Exit::Interrupted as u8));
            }
        });
    });
}

/// Whether somebody has asked the run to end.
#[must_use]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
