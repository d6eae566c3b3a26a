//! The tracking database and the lock files.
