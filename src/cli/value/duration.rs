//! Durations: `500ms`, `1h30m`, a bare number of seconds.

use std::time::Duration;

use super::number::Decimal;

/// What a longer duration is cut to: 200 years. Sums of two of them still fit nanoseconds in 64 bits, so
/// that no deadline overflows; nothing that is running now will notice.
pub const LONGEST: Duration = Duration::from_hours(200 * 365 * 24);

const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
    ("y", 31_536_000_000_000_000),
];

/// Parses a duration. What is not zero never becomes zero: it is rounded up to a nanosecond.
pub fn duration(text: &str) -> Result<Duration, String> {
    const HELP: &str = "a duration is 500ms, 10s, 2m, 1h30m or a number of seconds";
    if text.starts_with('-') {
        return Err(format!("it is negative; {HELP}, and 0 is off"));
    }
    let mut total: u128 = 0;
    let mut rest = text;
    loop {
        let Some((number, after)) = Decimal::scan(rest) else {
            return Err(HELP.to_owned());
        };
        let length =
            after.find(|c: char| c.is_ascii_digit() || c == '.' || c == '-').unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let nanos = if unit.is_empty() && rest == text && after.is_empty() {
            1_000_000_000
        } else {
            let found = UNITS.iter().find(|(name, _)| *name == unit);
            found.map(|(_, nanos)| *nanos).ok_or_else(|| match unit {
                "" => format!("a unit is missing at the end; {HELP}"),
                _ => format!("unknown unit '{unit}' (ns us ms s m h d w y); {HELP}"),
            })?
        };
        total = total.saturating_add(number.times(nanos).unwrap_or(u128::MAX));
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let nanos = total.min(LONGEST.as_nanos());
    Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("0.0", 0),
            ("10", 10_000_000_000),
            ("0.5", 500_000_000),
            ("1e-9", 1),
            ("1e-12", 1),
            ("1e2", 100_000_000_000),
            ("500ms", 500_000_000),
            ("1.5s", 1_500_000_000),
            ("10s", 10_000_000_000),
            ("2m", 120_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1m0.5s", 60_500_000_000),
            ("1d", 86_400_000_000_000),
            ("3us", 3_000),
            ("7ns", 7),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn long_ones_saturate() {
        assert_eq!(duration("100y"), Ok(Duration::from_hours(100 * 365 * 24)));
        for text in ["1e400", "1000y", "99999999999999999999999999", "200y1d", "1e99d1e99d"] {
            assert_eq!(duration(text), Ok(LONGEST), "{text}");
        }
        assert!(LONGEST.checked_add(LONGEST).is_some());
    }

    #[test]
    fn bad() {
        for text in [
            "", " ", "-1", "-0.5s", "nan", "NaN", "inf", "infinity", "s", "ms", "1x", "1 s",
            "1h30", "1s-2s", "10S", "1h m", "0x10", "1,5", "+1", "1..5", "10ss",
        ] {
            assert!(duration(text).is_err(), "{text:?} gave {:?}", duration(text));
        }
        assert!(duration("-5").unwrap_err().contains("negative"));
        assert!(duration("5x").unwrap_err().contains("unknown unit 'x'"));
        assert!(duration("1h30").unwrap_err().contains("unit is missing"));
    }
}
