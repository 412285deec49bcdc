//! SIGINT and SIGTERM: the first ends the work in order, the second at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit::Exit;

/// Returns a flag that the first signal sets.
pub(super) fn watch() -> io::Result<Arc<AtomicBool>> {
    let wanted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order the first signal sets the flag, and the second finds it set.
        flag::register_conditional_shutdown(
            signal,
            i32::from(Exit::Interrupted.code()),
            Arc::clone(&wanted),
        )?;
        flag::register(signal, Arc::clone(&wanted))?;
    }
    Ok(wanted)
}
