//! Sizes in bytes: `4096`, `64KiB`, `10M`, `1GiB`.

use super::number::Decimal;

/// Parses a size. `K`, `M`, `G`, `T` and their `KiB` forms are powers of 1024, `KB` and so on of 1000, as
/// in the GNU tools; case does not matter.
pub fn size(text: &str) -> Result<u64, String> {
    const HELP: &str = "a size is a number of bytes, or 64KiB, 10M, 1GiB";
    if text.starts_with('-') {
        return Err(format!("it is negative; {HELP}"));
    }
    let (number, unit) = Decimal::scan(text).ok_or_else(|| HELP.to_owned())?;
    let lower = unit.to_ascii_lowercase();
    let power = |prefix: &str| "kmgt".find(prefix).map(|at| at as u32 + 1);
    let factor = match lower.as_str() {
        "" | "b" => Some(1),
        prefix if prefix.len() == 1 => power(prefix).map(|n| 1024u128.pow(n)),
        other => match other.split_at_checked(1) {
            Some((prefix, "ib")) => power(prefix).map(|n| 1024u128.pow(n)),
            Some((prefix, "b")) => power(prefix).map(|n| 1000u128.pow(n)),
            _ => None,
        },
    };
    let factor = factor.ok_or_else(|| format!("unknown unit '{unit}'; {HELP}"))?;
    let bytes = number.times(factor).and_then(|bytes| u64::try_from(bytes).ok());
    bytes.ok_or_else(|| format!("it is too large; {HELP}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("12B", 12),
            ("1k", 1024),
            ("64KiB", 65_536),
            ("64kb", 64_000),
            ("10M", 10 << 20),
            ("1GiB", 1 << 30),
            ("1.5G", 3 << 29),
            ("2T", 2 << 40),
            ("1e6", 1_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn bad() {
        for text in [
            "",
            "-1",
            "M",
            "1X",
            "1KiBB",
            "1 K",
            "1Ki B",
            "nan",
            "18446744073709551616",
            "1e30",
            "1µ",
        ] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }
}
