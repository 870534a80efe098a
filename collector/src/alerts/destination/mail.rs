//! Mailboxes, by SMTP.

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};

use super::{Carrier, PATIENCE, Undelivered, is_local, outlet};
use crate::alerts::config::{MailConfig, MailTls};
use crate::outlet::OutletError;
use daypass_protocol::alert::Alert;

/// Addresses of one destination, at most.
const MOST_ADDRESSES: usize = 32;
/// Bytes of a subject's variable part, at most.
const LONGEST_SUBJECT: usize = 150;

/// One mail server, and who gets alerts by it.
pub(super) struct Mail {
    from: Mailbox,
    to: Vec<Mailbox>,
    transport: SmtpTransport,
}

impl Mail {
    pub(super) fn new(config: &MailConfig) -> Result<Self, OutletError> {
        let unfit = |reason: String| outlet(&config.name).unfit(reason);
        let mailbox = |text: &String| -> Result<Mailbox, OutletError> {
            text.parse()
                .map_err(|error| unfit(format!("{text:?} is no address: {error}")))
        };
        if config.to.is_empty() || config.to.len() > MOST_ADDRESSES {
            return Err(unfit(format!("to has 1 to {MOST_ADDRESSES} addresses")));
        }
        if config.tls == MailTls::None && !is_local(&config.server) {
            return Err(unfit(
                "without tls mail goes to this machine itself only: set tls = \"starttls\" or \"always\"".to_owned(),
            ));
        }
        Ok(Self {
            from: mailbox(&config.from)?,
            to: config.to.iter().map(mailbox).collect::<Result<_, _>>()?,
            transport: transport(config)?,
        })
    }
}

fn transport(config: &MailConfig) -> Result<SmtpTransport, OutletError> {
    let unfit = |reason: String| outlet(&config.name).unfit(reason);
    let (tls, usual) = match config.tls {
        MailTls::None => (Tls::None, 25),
        MailTls::Starttls => (Tls::Required(parameters(config)?), 587),
        MailTls::Always => (Tls::Wrapper(parameters(config)?), 465),
    };
    let builder = SmtpTransport::builder_dangerous(&config.server)
        .port(config.port.unwrap_or(usual))
        .tls(tls)
        .timeout(Some(PATIENCE));
    let builder = match (&config.user, &config.password_file) {
        (None, None) => builder,
        (Some(user), Some(path)) => {
            let password = outlet(&config.name).password(path)?;
            let password = String::from_utf8(password)
                .map_err(|_| unfit("the password is no text".to_owned()))?;
            builder.credentials(Credentials::new(user.clone(), password))
        }
        _ => return Err(unfit("user and password_file go together".to_owned())),
    };
    Ok(builder.build())
}

fn parameters(config: &MailConfig) -> Result<TlsParameters, OutletError> {
    let unfit = |reason: String| outlet(&config.name).unfit(reason);
    let builder = TlsParameters::builder(config.server.clone());
    let builder = match &config.ca_file {
        None => builder,
        Some(path) => {
            let wrong = |reason: String| outlet(&config.name).wrong(path, reason);
            let pem =
                std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let root = Certificate::from_pem(&pem)
                .map_err(|error| wrong(format!("is no certificate in PEM: {error}")))?;
            builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(root)
        }
    };
    builder
        .build()
        .map_err(|error| unfit(format!("TLS cannot be set up: {error}")))
}

impl Carrier for Mail {
    fn deliver(&self, alert: &Alert, _body: &str) -> Result<(), Undelivered> {
        let refused = |error: lettre::error::Error| Undelivered::Refused(error.to_string());
        let builder = self
            .to
            .iter()
            .fold(Message::builder().from(self.from.clone()), |builder, to| {
                builder.to(to.clone())
            })
            .subject(subject(alert))
            // The same letter again is the same message.
            .message_id(Some(format!("<{}.{}@daypass>", alert.id, alert.count)))
            .header(ContentType::TEXT_PLAIN);
        let message = builder.body(text(alert)).map_err(refused)?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Undelivered::Refused(error.to_string())),
            Err(error) => Err(Undelivered::Away(error.to_string(), None)),
        }
    }
}

fn subject(alert: &Alert) -> String {
    let about: String = format!("{} ({})", alert.title, alert.subject)
        .chars()
        .take(LONGEST_SUBJECT)
        .collect();
    format!("[daypass] {}: {about}", alert.severity.as_str())
}

fn text(alert: &Alert) -> String {
    let mut text = format!(
        "{}\n\nRule: {}, severity {}\n",
        alert.text,
        alert.rule,
        alert.severity.as_str()
    );
    text.push_str(&format!(
        "Entry: {} of {}\n",
        alert.entry.seq, alert.entry.origin
    ));
    text.push_str(&format!("See: {}\n", alert.see));
    if let Some(link) = &alert.link {
        text.push_str(&format!("See: {link}\n"));
    }
    text
}
