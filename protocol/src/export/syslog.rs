//! RFC 5424: one entry as one message, framed by RFC 6587/5425 octet counting where it goes over a stream.

use crate::inert::{inert, inert_json};

use super::{Source, ecs, ocsf};

/// What a message carries behind its head.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// The entry itself.
    #[default]
    Entry,
    /// An event of OCSF.
    Ocsf,
    /// A document of ECS.
    Ecs,
}

/// How heads are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// 0 to 23.
    pub facility: u8,
    /// The private enterprise number in the name of the structured data.
    pub enterprise: u32,
}

/// Characters of a value in structured data, at most; the whole is in the body.
const LONGEST: usize = 1024;

impl Body {
    /// The JSON of an entry on one line; no byte of it acts on a terminal, and no value is another one for that.
    pub fn of(self, source: &Source<'_>) -> String {
        match self {
            Self::Entry => inert_json(source.line()).into_owned(),
            Self::Ocsf => inert_json(&ocsf::event(source).to_string()).into_owned(),
            Self::Ecs => inert_json(&ecs::document(source).to_string()).into_owned(),
        }
    }
}

impl Head {
    /// The message, without framing.
    pub fn message(&self, source: &Source<'_>, body: Body) -> String {
        format!(
            "<{}>1 {} {} daypass - {} [daypass@{}{}] {}",
            u32::from(self.facility.min(23)) * 8 + severity(source),
            timestamp(source),
            token(source.host(), 255),
            token(Some(source.action()), 32),
            self.enterprise,
            parameters(source),
            body.of(source).replace(['\n', '\r'], " "),
        )
    }
}

/// RFC 5425: the length in octets, a space, the message.
pub fn framed(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

/// The severity of RFC 5424, 0 to 7.
pub fn severity(source: &Source<'_>) -> u32 {
    let action = source.action();
    match (action, source.text("/outcome")) {
        ("alarm.over", _) => 5,
        ("gate.absent" | "break-glass", _) => 1,
        _ if action.starts_with("alarm.") => 1,
        (_, Some("denied" | "failed")) => 4,
        _ => 6,
    }
}

fn timestamp(source: &Source<'_>) -> String {
    let time = source
        .micros()
        .and_then(chrono::DateTime::from_timestamp_micros);
    match time {
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        None => "-".to_owned(),
    }
}

/// Printable US-ASCII, or nothing at all.
fn token(text: Option<&str>, longest: usize) -> &str {
    match text {
        Some(text)
            if !text.is_empty()
                && text.len() <= longest
                && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            text
        }
        _ => "-",
    }
}

fn parameters(source: &Source<'_>) -> String {
    let seq = source.seq().map(|seq| seq.to_string());
    let pairs = [
        ("origin", source.origin()),
        ("seq", seq.as_deref()),
        (
            "action",
            Some(source.action()).filter(|action| !action.is_empty()),
        ),
        ("outcome", source.text("/outcome")),
        ("code", source.text("/code")),
        ("person", source.text("/identity/person")),
        ("account", source.text("/identity/account")),
        ("window", source.text("/identity/window")),
        ("host", source.host()),
        ("service", source.text("/resource/service")),
        ("target", source.text("/resource/account")),
        ("address", source.address()),
        ("session", source.text("/origin/session")),
    ];
    let mut parameters = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            parameters.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
    }
    parameters
}

/// A parameter's value: inert, and with the three characters escaped that end one.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for character in inert(value).chars().take(LONGEST) {
        if matches!(character, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
