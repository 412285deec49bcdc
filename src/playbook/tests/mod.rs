//! The format's page, the mini course, and folders on disk.

mod folders;
mod format;
