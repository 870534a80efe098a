//! A range of hours as people write it: `mon-fri 08:00-18:00`, `sat,sun 22:00-06:00`.

use std::str::FromStr;

use daypass_protocol::hours::{Day, Range};

use crate::diagnostic::HoursError;

const WEEK: [(&str, Day); 7] = [
    ("mon", Day::Mon),
    ("tue", Day::Tue),
    ("wed", Day::Wed),
    ("thu", Day::Thu),
    ("fri", Day::Fri),
    ("sat", Day::Sat),
    ("sun", Day::Sun),
];

/// One value of `--hours`.
#[derive(Debug, Clone)]
pub(super) struct RangeArgument(pub(super) Range);

impl FromStr for RangeArgument {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (days, times) = text.split_once(' ').ok_or(HoursError::Form)?;
        let (from, to) = times.split_once('-').ok_or(HoursError::Form)?;
        let days = self::days(days)?;
        let from = from.parse().map_err(HoursError::Clock)?;
        let to = to.parse().map_err(HoursError::Clock)?;
        Ok(Self(Range { days, from, to }))
    }
}

fn days(text: &str) -> Result<Vec<Day>, HoursError> {
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        // A range of days may run over the end of the week: fri-mon.
        let length = (last + 7 - first) % 7;
        for offset in 0..=length {
            let day = WEEK[(first + offset) % 7].1;
            if days.contains(&day) {
                return Err(HoursError::Twice);
            }
            days.push(day);
        }
    }
    Ok(days)
}

fn place(name: &str) -> Result<usize, HoursError> {
    WEEK.iter()
        .position(|(word, _)| *word == name)
        .ok_or(HoursError::Day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_of_days_and_lists_are_read() {
        for (text, days) in [
            ("mon-fri 08:00-18:00", 5),
            ("sat,sun 22:00-06:00", 2),
            ("fri-mon 00:00-24:00", 4),
        ] {
            let range: RangeArgument = text.parse().expect(text);
            assert_eq!(range.0.days.len(), days, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "mon",
            "mon 08:00",
            "mon 8-18",
            "monday 08:00-18:00",
            "mon,mon-tue 08:00-18:00",
            "mon 08:00-25:00",
        ] {
            assert!(text.parse::<RangeArgument>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = text.parse::<RangeArgument>();
        }
    }
}
