//! The botnet as its `runtime.yaml` tells it: bots, parameters, paths and queues; what bots can be, and what is wrong with a file.

mod params;
mod spec;

pub use params::{ParamError, Params};
pub use spec::{Kind, Param, ParamKind, Spec};
