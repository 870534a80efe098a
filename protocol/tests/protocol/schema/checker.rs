//! As much of JSON Schema as `docs/formats/events.schema.json` uses; a keyword that is not known here fails the test,
//! so that nothing in the schema goes unchecked.

use serde_json::Value;

/// The schema of journal entries.
pub(crate) fn schema() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/formats/events.schema.json"
    );
    let text = std::fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("JSON")
}

/// What is wrong with `value`, each with its place; nothing when it is as the schema says.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

/// Holds every entry of the journal in `directory` against the schema, and returns how many there were.
#[allow(dead_code)]
pub(crate) fn check_journal(directory: &std::path::Path) -> usize {
    let schema = schema();
    let mut checked = 0;
    for file in std::fs::read_dir(directory).expect("a journal") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines().filter(|line| line.starts_with("{\"seq\":")) {
            let entry = serde_json::from_str(line).expect("JSON");
            let faults = faults(&schema, &entry);
            assert!(faults.is_empty(), "{faults:?} in {line}");
            checked += 1;
        }
    }
    checked
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let rules = schema.as_object().expect("a schema is an object");
    for (keyword, rule) in rules {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "additionalProperties" => true,
            "type" => match rule.as_str().expect("a type") {
                "object" => value.is_object(),
                "string" => value.is_string(),
                "integer" => value.is_u64() || value.is_i64(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                other => panic!("the type {other} is not known here"),
            },
            "enum" => rule.as_array().expect("a list").contains(value),
            "minimum" => value
                .as_i64()
                .is_none_or(|number| number >= rule.as_i64().expect("a number")),
            "maximum" => value
                .as_u64()
                .is_none_or(|number| number <= rule.as_u64().expect("a number")),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(rule.as_str().expect("a pattern"), text)),
            "required" => rule
                .as_array()
                .expect("a list")
                .iter()
                .all(|key| value.get(key.as_str().expect("a key")).is_some()),
            "format" => match rule.as_str().expect("a format") {
                "ip" => value
                    .as_str()
                    .is_none_or(|text| text.parse::<std::net::IpAddr>().is_ok()),
                other => panic!("the format {other} is not known here"),
            },
            "items" => {
                for (place, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, inner, &format!("{at}/{place}"), faults);
                }
                true
            }
            "oneOf" => {
                let holding = rule.as_array().expect("a list").iter().filter(|schema| {
                    let mut found = Vec::new();
                    check(schema, value, at, &mut found);
                    found.is_empty()
                });
                holding.count() == 1
            }
            "anyOf" => rule.as_array().expect("a list").iter().any(|schema| {
                let mut found = Vec::new();
                check(schema, value, at, &mut found);
                found.is_empty()
            }),
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    match rule.get(key) {
                        Some(schema) => check(schema, inner, &format!("{at}/{key}"), faults),
                        None if rules.get("additionalProperties") == Some(&Value::Bool(false)) => {
                            faults.push(format!("{at}/{key} is not known"));
                        }
                        None => {}
                    }
                }
                true
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !holds {
            faults.push(format!("{at}: {keyword} {rule} does not hold for {value}"));
        }
    }
}

/// A regular expression of literals, classes, `\d`, groups, and the counts `?`, `*`, `+`, `{n}` and `{n,m}`.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.strip_prefix('^').expect("patterns are anchored");
    let (pattern, ends) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let ends_of = walk(&pattern, &text, vec![0]);
    ends_of.iter().any(|end| !ends || *end == text.len())
}

/// Where the text may stand after the whole pattern, from each of these places.
fn walk(pattern: &[char], text: &[char], mut places: Vec<usize>) -> Vec<usize> {
    let mut rest = pattern;
    while !rest.is_empty() {
        let (unit, behind) = unit(rest);
        let ((least, most), behind) = count(behind);
        let mut now = places;
        let mut reached = if least == 0 { now.clone() } else { Vec::new() };
        for round in 1..=most.min(text.len() + 1) {
            now = step(unit, text, &now);
            if round >= least {
                reached.extend(&now);
            }
            if now.is_empty() {
                break;
            }
        }
        reached.sort_unstable();
        reached.dedup();
        places = reached;
        rest = behind;
    }
    places
}

/// One class, group or character, and what follows it.
fn unit(pattern: &[char]) -> (&[char], &[char]) {
    let end = match pattern[0] {
        '[' => {
            pattern
                .iter()
                .position(|c| *c == ']')
                .expect("a class ends")
                + 1
        }
        '(' => {
            pattern
                .iter()
                .position(|c| *c == ')')
                .expect("a group ends")
                + 1
        }
        '\\' => 2,
        _ => 1,
    };
    pattern.split_at(end)
}

fn count(pattern: &[char]) -> ((usize, usize), &[char]) {
    match pattern.first() {
        Some('?') => ((0, 1), &pattern[1..]),
        Some('*') => ((0, usize::MAX), &pattern[1..]),
        Some('+') => ((1, usize::MAX), &pattern[1..]),
        Some('{') => {
            let end = pattern
                .iter()
                .position(|c| *c == '}')
                .expect("a count ends");
            let inner: String = pattern[1..end].iter().collect();
            let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
            let number = |text: &str| text.parse().expect("a number");
            ((number(least), number(most)), &pattern[end + 1..])
        }
        _ => ((1, 1), pattern),
    }
}

fn step(unit: &[char], text: &[char], places: &[usize]) -> Vec<usize> {
    if unit[0] == '(' {
        return walk(&unit[1..unit.len() - 1], text, places.to_vec());
    }
    let fits = |place: &usize| text.get(*place).is_some_and(|c| is_of(unit, *c));
    places
        .iter()
        .filter(|place| fits(place))
        .map(|place| place + 1)
        .collect()
}

fn is_of(unit: &[char], c: char) -> bool {
    match unit {
        ['\\', 'd'] => c.is_ascii_digit(),
        ['\\', literal] => c == *literal,
        ['[', inner @ .., ']'] => {
            let mut at = 0;
            while at < inner.len() {
                if at + 2 < inner.len() && inner[at + 1] == '-' {
                    if (inner[at]..=inner[at + 2]).contains(&c) {
                        return true;
                    }
                    at += 3;
                } else if inner[at] == c {
                    return true;
                } else {
                    at += 1;
                }
            }
            false
        }
        [literal] => c == *literal,
        _ => panic!("not a unit"),
    }
}
