//! What this machine has for labs.

use super::labs::Labs;
use super::ports;
use crate::target::{Finding, doctor as of_targets};

/// Looks at what labs need here. What comes first every lab needs: a folder, and ports; the rest only who asks for it.
pub fn doctor(labs: &Labs) -> (Vec<Finding>, Vec<Finding>) {
    let folder = labs.folder("").display().to_string();
    let folder = match labs.writable() {
        Ok(()) => Finding::good("folder of labs", folder),
        Err(error) => {
            let way = "set XDG_STATE_HOME to a folder that you may write".to_owned();
            Finding::bad("folder of labs", error.to_string(), vec![way])
        }
    };
    let port = match ports::free(|_| false) {
        Ok(_) => Finding::good("ports", "there are free ones on 127.0.0.1"),
        Err(error) => {
            let way =
                "bring the loopback interface up, or end what listens on ports from 20000 on".to_owned();
            Finding::bad("ports", error.to_string(), vec![way])
        }
    };
    (vec![folder, port], of_targets())
}
