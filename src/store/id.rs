//! Run ids: twelve characters of base32, 60 random bits.
//!
//! Random rather than sortable, because people type prefixes: of ids that begin with the time, all of today's
//! share their beginning, of random ones four characters usually do. Order comes from the start time. A
//! million runs collide with a probability of 4 in 10 million; the lock file is made exclusively, so even
//! then two living runs never share an id. Lower case, no `i l o u` (Crockford's alphabet): safe as a file
//! name everywhere, safe to read aloud, and never a `:`, which separates the ids in a cookie.

use std::io;

/// How long an id is.
pub const LEN: usize = 12;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new run id.
pub fn new_run_id() -> io::Result<String> {
    let mut bytes = [0; LEN];
    crate::sys::ids::random(&mut bytes)?;
    Ok(encode(bytes))
}

fn encode(bytes: [u8; LEN]) -> String {
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// Whether `text` could be a run id: for names of files that are to be taken for lock files.
pub fn is_run_id(text: &str) -> bool {
    text.len() == LEN && text.bytes().all(|b| ALPHABET.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| new_run_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| is_run_id(id)));
    }

    #[test]
    fn every_byte_becomes_a_character_of_the_alphabet() {
        for byte in 0..=255 {
            assert!(is_run_id(&encode([byte; LEN])));
        }
        for text in
            ["", "0123456789a", "0123456789abc", "0123456789aI", "0123456789a/", "é12345678901"]
        {
            assert!(!is_run_id(text), "{text}");
        }
    }
}
