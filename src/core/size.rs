//! Which size a terminal has that several people look at.

/// By whom it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SizeFrom {
    /// By the smallest: the fewest columns and the fewest rows of all, so that everybody sees all of it.
    #[default]
    Smallest,
    /// By who came, typed or changed their size last.
    Latest,
}

/// The size for `attached`, the terminals of those who look, who was active last at the end. With nobody
/// there it stays as it is.
pub fn choose(rule: SizeFrom, attached: &[(u16, u16)], now: (u16, u16)) -> (u16, u16) {
    match (rule, attached) {
        (_, []) => now,
        (SizeFrom::Latest, [.., last]) => *last,
        (SizeFrom::Smallest, [first, others @ ..]) => {
            others.iter().fold(*first, |least, size| (least.0.min(size.0), least.1.min(size.1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_the_latest_and_nobody() {
        let (small, latest) = (SizeFrom::Smallest, SizeFrom::Latest);
        assert_eq!(choose(small, &[], (80, 24)), (80, 24));
        assert_eq!(choose(latest, &[], (80, 24)), (80, 24));
        assert_eq!(choose(small, &[(100, 30)], (80, 24)), (100, 30));
        assert_eq!(choose(small, &[(100, 20), (90, 30)], (80, 24)), (90, 20));
        assert_eq!(choose(latest, &[(100, 20), (90, 30)], (80, 24)), (90, 30));
    }
}
