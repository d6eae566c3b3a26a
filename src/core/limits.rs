//! Limits as deadlines on the active clock.
