//! Settings of the launch: priority, umask, limits, window size, names.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the command's input comes from, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StdinFrom {
    /// `inherit`.
    Inherit,
    /// `null`.
    Null,
    /// A file.
    File(PathBuf),
}

impl From<OsString> for StdinFrom {
    fn from(text: OsString) -> StdinFrom {
        match text.to_str() {
            Some("inherit" | "-") => StdinFrom::Inherit,
            Some("null") => StdinFrom::Null,
            _ => StdinFrom::File(text.into()),
        }
    }
}

/// `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Before the first `=`.
    pub key: String,
    /// After it.
    pub value: String,
}

/// Parses `KEY=VALUE`.
pub fn tag(text: &str) -> Result<Tag, String> {
    let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
    if key.is_empty() || text.chars().any(char::is_control) {
        return Err("a tag is KEY=VALUE, without control characters".to_owned());
    }
    Ok(Tag { key: key.to_owned(), value: value.to_owned() })
}

/// Checks the name of a run: what can be typed again without quoting, as with containers.
pub fn name(text: &str) -> Result<String, String> {
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let all = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if first && all && text.len() <= 100 {
        return Ok(text.to_owned());
    }
    Err("a name begins with a letter or digit and goes on with letters, digits, '.', '_', '-' (100 at most)"
        .to_owned())
}

/// Parses a priority: -20 (first) to 19 (last), or `minimal`, `low`, `normal`, `high`.
pub fn nice(text: &str) -> Result<i32, String> {
    match text {
        "minimal" => Ok(15),
        "low" => Ok(5),
        "normal" => Ok(0),
        "high" => Ok(-5),
        _ => text.parse().ok().filter(|nice| (-20..=19).contains(nice)).ok_or_else(|| {
            "a priority is -20 to 19, or minimal (15), low (5), normal (0), high (-5)".to_owned()
        }),
    }
}

/// Parses an octal file mode mask.
pub fn umask(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mask = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    mask.filter(|mask| *mask <= 0o777).ok_or_else(|| "a umask is octal, 0 to 777".to_owned())
}

/// Splits `RESOURCE=N`; N is a number, a size, or absent for `unlimited`. Which resources there are is the
/// platform's to say.
pub fn rlimit(text: &str) -> Result<(String, Option<u64>), String> {
    let (resource, limit) =
        text.split_once('=').ok_or("a limit is RESOURCE=N, such as nofile=256")?;
    let limit = match limit {
        "unlimited" | "infinity" => None,
        number => Some(super::size(number).map_err(|_| {
            format!("'{number}' is no limit; it is a number, a size such as 64MiB, or unlimited")
        })?),
    };
    Ok((resource.to_ascii_lowercase(), limit))
}

/// Parses `COLSxROWS`.
pub fn window_size(text: &str) -> Result<(u16, u16), String> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().filter(|n: &u16| *n > 0)
    };
    let parts = text.split_once(['x', 'X']);
    parts
        .and_then(|(columns, rows)| Some((number(columns)?, number(rows)?)))
        .ok_or_else(|| "a size is COLSxROWS, such as 80x24, each 1 to 65535".to_owned())
}

/// Parses a factor of 1 or more.
pub fn factor(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|factor: &f64| (1.0..=1000.0).contains(factor));
    value.ok_or_else(|| "a factor is 1 to 1000".to_owned())
}

/// Parses how many times as fast.
pub fn speed(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|speed: &f64| (0.001..=1000.0).contains(speed));
    value.ok_or_else(|| "a speed is 0.001 to 1000; 2 is twice as fast".to_owned())
}

/// Parses a share of 0 to 1.
pub fn jitter(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|jitter: &f64| (0.0..=1.0).contains(jitter));
    value.ok_or_else(|| "jitter is 0 (none) to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities() {
        for (text, expected) in
            [("minimal", 15), ("low", 5), ("normal", 0), ("high", -5), ("-20", -20), ("19", 19)]
        {
            assert_eq!(nice(text), Ok(expected), "{text}");
        }
        for bad in ["", "20", "-21", "Low", "1.5", "realtime"] {
            assert!(nice(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn umasks() {
        for (text, expected) in [("0", 0), ("022", 0o22), ("0077", 0o77), ("777", 0o777)] {
            assert_eq!(umask(text), Ok(expected), "{text}");
        }
        for bad in ["", "8", "1777", "-1", "+22", "u=rwx", "0o22"] {
            assert!(umask(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn window_sizes() {
        for (text, expected) in
            [("80x24", (80, 24)), ("1X1", (1, 1)), ("65535x65535", (65_535, 65_535))]
        {
            assert_eq!(window_size(text), Ok(expected), "{text}");
        }
        for bad in
            ["", "80", "x", "80x", "x24", "0x24", "80x0", "65536x1", "-1x1", "80x24x1", "80 x 24"]
        {
            assert!(window_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(rlimit("nofile=256"), Ok(("nofile".to_owned(), Some(256))));
        assert_eq!(rlimit("AS=1GiB"), Ok(("as".to_owned(), Some(1 << 30))));
        assert_eq!(rlimit("core=unlimited"), Ok(("core".to_owned(), None)));
        for bad in ["", "nofile", "nofile=", "nofile=-1", "nofile=many"] {
            assert!(rlimit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_tags() {
        for good in ["a", "7", "web-1.log_x"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "ä", "a\n"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(tag("k=v=w"), Ok(Tag { key: "k".to_owned(), value: "v=w".to_owned() }));
        assert_eq!(tag("k="), Ok(Tag { key: "k".to_owned(), value: String::new() }));
        for bad in ["", "k", "=v", "k=\u{1b}"] {
            assert!(tag(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn factors() {
        assert_eq!(factor("1.5"), Ok(1.5));
        for bad in ["0", "0.5", "-1", "nan", "inf", "1001", ""] {
            assert!(factor(bad).is_err(), "{bad}");
        }
        assert_eq!(jitter("0"), Ok(0.0));
        for bad in ["1.1", "-0.1", "nan", ""] {
            assert!(jitter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn inputs() {
        assert_eq!(StdinFrom::from(OsString::from("null")), StdinFrom::Null);
        assert_eq!(StdinFrom::from(OsString::from("inherit")), StdinFrom::Inherit);
        assert_eq!(StdinFrom::from(OsString::from("./null")), StdinFrom::File("./null".into()));
    }
}
