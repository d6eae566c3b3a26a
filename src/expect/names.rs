//! Names: which was meant, and what one may look like.

/// The nearest of the known names, where one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &lower), known))
        .filter(|(distance, known)| *distance <= 1 + known.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Whether it can be named in `${}`: a letter or `_`, then letters, digits, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        assert_eq!(nearest("lien", ["line", "key"]), Some("line"));
        assert_eq!(nearest("Line", ["line", "key"]), Some("line"));
        assert_eq!(nearest("withn", ["within", "when"]), Some("within"));
        assert_eq!(nearest("zzzz", ["line", "key"]), None);
    }

    #[test]
    fn what_is_a_name() {
        for good in ["a", "_x", "pass-word", "A9"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "1", "-a", "a.b", "a b", "é"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
