use std::path::Path;

use super::*;
use crate::broker::contract::contract;

fn open(folder: &Path) -> Option<Box<dyn Broker>> {
    Some(Box::new(Embedded::open(folder, Options::default()).unwrap()))
}

contract!(open);
