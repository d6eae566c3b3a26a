//! Lists of exit codes: `0,3,10-19`.

/// Inclusive ranges of exit codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes(pub Vec<(i32, i32)>);

/// Parses a list of exit codes, 0 to 255.
pub fn codes(text: &str) -> Result<Codes, String> {
    text.split(',').map(range).collect::<Result<_, _>>().map(Codes)
}

fn range(text: &str) -> Result<(i32, i32), String> {
    let code = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits.then(|| text.parse::<u8>().ok()).flatten().map(i32::from);
        value.ok_or_else(|| format!("'{text}' is no exit code; a list is 0,3,10-19 (0 to 255)"))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (code(first)?, code(last)?);
    if first > last {
        return Err(format!("the range {first}-{last} is upside down"));
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (text, ranges) in [
            ("0", vec![(0, 0)]),
            ("0,3,10-19", vec![(0, 0), (3, 3), (10, 19)]),
            ("0-255", vec![(0, 255)]),
        ] {
            assert_eq!(codes(text), Ok(Codes(ranges)), "{text}");
        }
    }

    #[test]
    fn bad() {
        for text in ["", ",", "1,", "256", "-1", "3-1", "1-", "a", "1 ", "+1", "1--2", "1-2-3"] {
            assert!(codes(text).is_err(), "{text:?}");
        }
    }
}
