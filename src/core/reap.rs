//! What becomes of what was left behind.
