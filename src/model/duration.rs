//! Durations in files: `"5m"`, `"8h"`, `"1h30m"`.

/// The seconds that a text like `"90s"`, `"5m"`, `"1h30m"`, `"30d"` means, or `None`.
pub fn parse_seconds(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        total = total.checked_add(amount.checked_mul(unit_seconds(unit)?)?)?;
        rest = rest[digits + unit.len_utf8()..].trim_start();
    }
    Some(total)
}

fn unit_seconds(unit: char) -> Option<i64> {
    Some(match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::parse_seconds;

    #[test]
    fn durations() {
        assert_eq!(parse_seconds("5m"), Some(300));
        assert_eq!(parse_seconds("1h30m"), Some(5400));
        assert_eq!(parse_seconds("1h 30m"), Some(5400));
        assert_eq!(parse_seconds("60d"), Some(5_184_000));
        for bad in ["", "5", "m", "5x", "-5m", "99999999999999999999s", "9223372036854775807w"] {
            assert_eq!(parse_seconds(bad), None, "{bad}");
        }
    }
}
