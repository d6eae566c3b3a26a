//! Decimal numbers, exactly: `0.1` of a second is 100 ms, not what a binary float makes of it.

/// A non-negative decimal number: `digits * 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i64,
    /// Digits were cut off that were not zero.
    more: bool,
}

/// More digits than this do not change a duration or a size; they only overflow.
const DIGITS: u32 = 20;

impl Decimal {
    /// The number at the beginning of `text`, and what follows it.
    pub(super) fn scan(text: &str) -> Option<(Decimal, &str)> {
        let bytes = text.as_bytes();
        let mut number = Decimal { digits: 0, exponent: 0, more: false };
        let (mut at, mut kept, mut seen, mut fraction) = (0, 0, false, false);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    if kept < DIGITS {
                        number.digits = number.digits * 10 + u128::from(byte - b'0');
                        kept += u32::from(number.digits > 0);
                        number.exponent -= i64::from(fraction);
                    } else {
                        number.more |= byte != b'0';
                        number.exponent += i64::from(!fraction);
                    }
                }
                b'.' if !fraction => fraction = true,
                _ => break,
            }
            at += 1;
        }
        if !seen {
            return None;
        }
        if let Some((power, length)) = exponent(&bytes[at..]) {
            number.exponent = number.exponent.saturating_add(power);
            at += length;
        }
        Some((number, &text[at..]))
    }

    /// This number times `unit`, rounded up so that what is not zero never becomes zero; absent when it
    /// does not fit.
    pub(super) fn times(self, unit: u128) -> Option<u128> {
        let product = self.digits.checked_mul(unit)?;
        if product == 0 {
            return Some(u128::from(self.more));
        }
        let power = u32::try_from(self.exponent.unsigned_abs()).unwrap_or(u32::MAX);
        let Some(power) = 10u128.checked_pow(power) else {
            return (self.exponent < 0).then_some(1);
        };
        if self.exponent < 0 { Some(product.div_ceil(power)) } else { product.checked_mul(power) }
    }
}

/// `e-9` at the beginning of `bytes`: its value and length. No unit begins with an `e`.
fn exponent(bytes: &[u8]) -> Option<(i64, usize)> {
    let [b'e' | b'E', rest @ ..] = bytes else { return None };
    let (sign, digits, before) = match rest {
        [b'-', digits @ ..] => (-1, digits, 2),
        [b'+', digits @ ..] => (1, digits, 2),
        digits => (1, digits, 1),
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let value = digits[..length].iter().fold(0i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    // Far beyond what any unit turns back into range, and safe to add to the other exponent.
    Some((sign * value.min(1_000_000), before + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_round_up() {
        for (text, unit, expected) in [
            ("0", 1_000, Some(0)),
            ("0.000", 1_000, Some(0)),
            ("1", 1_000, Some(1_000)),
            ("0.1", 1_000_000_000, Some(100_000_000)),
            (".5", 1_000, Some(500)),
            ("5.", 1_000, Some(5_000)),
            ("1e-9", 1_000_000_000, Some(1)),
            ("1e-10", 1_000_000_000, Some(1)),
            ("1e-400", 1_000_000_000, Some(1)),
            ("1e-99999999999999999999", 1, Some(1)),
            ("1e3", 1, Some(1_000)),
            ("1E+3", 1, Some(1_000)),
            ("0.00000000000000000000000000000001", 1, Some(1)),
            ("1.00000000000000000000000000000001", 1, Some(1)),
            ("123456789012345678901234", 1, Some(123_456_789_012_345_678_900_000)),
            ("1e999", 1, None),
            ("0e999", 1, Some(0)),
        ] {
            let (number, rest) = Decimal::scan(text).expect(text);
            assert_eq!(rest, "", "{text}");
            assert_eq!(number.times(unit), expected, "{text}");
        }
    }

    #[test]
    fn what_follows_is_left() {
        assert_eq!(Decimal::scan("10ms").map(|(_, rest)| rest), Some("ms"));
        assert_eq!(Decimal::scan("1e").map(|(_, rest)| rest), Some("e"));
        assert_eq!(Decimal::scan("1.2.3").map(|(_, rest)| rest), Some(".3"));
        for bad in ["", ".", "e9", "-1", "nan", "ms"] {
            assert_eq!(Decimal::scan(bad), None, "{bad}");
        }
    }
}
