//! What people ask a house's CA for, and say to it.

use daypass_protocol::api::{
    Draft, RosterNumber, Rosters, Submission, Token, TokenWish, WindowView, Wish,
};
use daypass_protocol::digest::{Digest, Nonce};
use daypass_protocol::http_auth::Target;
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::token::JoinToken;
use daypass_protocol::version::Version;
use daypass_protocol::window::FrozenWindow;
use daypass_transport::client::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{House, No, Someone, refused};

impl House {
    pub(crate) fn header(&self, who: &Someone, method: &str, path: &str, body: &[u8]) -> String {
        self.header_at(who, method, path, body, self.now())
    }

    pub(crate) fn header_at(
        &self,
        who: &Someone,
        method: &str,
        path: &str,
        body: &[u8],
        time: Time,
    ) -> String {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).unwrap();
        let target = Target {
            ca: self.newborn.pin,
            method,
            path,
            body,
        };
        target
            .sign(
                &who.name,
                time,
                Nonce::from_bytes(nonce),
                sshsig::with_key(&who.key),
            )
            .unwrap()
            .to_header()
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, who: &Someone, path: &str) -> Result<T, No> {
        let header = self.header(who, "GET", path, b"");
        refused(
            self.client(None)
                .call(&Request::get(path).authorized(&header)),
        )
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        who: &Someone,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, No> {
        let body = serde_json::to_vec(body).unwrap();
        let header = self.header(who, "POST", path, &body);
        refused(
            self.client(None)
                .call(&Request::post(path, &body).authorized(&header)),
        )
    }

    pub(crate) fn post_bare<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, No> {
        let body = serde_json::to_vec(body).unwrap();
        refused(self.client(None).call(&Request::post(path, &body)))
    }

    pub(crate) fn get_bare<T: DeserializeOwned>(&self, path: &str) -> Result<T, No> {
        refused(self.client(None).call(&Request::get(path)))
    }

    pub(crate) fn chain(&self) -> Rosters {
        if self.authority().roll().newest().is_none() {
            self.get_bare("/v1/roster").unwrap()
        } else {
            self.get(&self.admin, "/v1/roster").unwrap()
        }
    }

    pub(crate) fn post_roster(&self, signed: &SignedRoster) -> Result<RosterNumber, No> {
        self.post_bare("/v1/roster", signed)
    }

    /// The next roster, unsigned.
    pub(crate) fn next_roster(&self, change: impl FnOnce(&mut Roster)) -> SignedRoster {
        let chain = self.chain().chain;
        let newest = chain.last().unwrap();
        let mut roster = Roster::parse(&newest.roster).unwrap();
        roster.number += 1;
        roster.previous = Some(Digest::of(&newest.roster));
        roster.time = self.now();
        change(&mut roster);
        SignedRoster::unsigned(roster.freeze().unwrap())
    }

    pub(crate) fn change_roster(&self, change: impl FnOnce(&mut Roster)) {
        let mut next = self.next_roster(change);
        next.sign(sshsig::with_key(&self.admin.key)).unwrap();
        self.post_roster(&next).unwrap();
    }

    /// A wish for ten minutes, from now on, as `deploy` on `host`.
    pub(crate) fn wish(&self, host: &str) -> Wish {
        serde_json::from_value(serde_json::json!({
            "hosts": [host],
            "accounts": ["deploy"],
            "sudo": ["/usr/bin/systemctl restart shop"],
            "starts": self.now(),
            "ends": self.now().plus(600),
            "permit": ["pty"],
            "reason": "the shop is down",
        }))
        .unwrap()
    }

    pub(crate) fn draft(&self, who: &Someone, wish: &Wish) -> Result<FrozenWindow, No> {
        let draft: Draft = self.post(who, "/v1/windows/draft", wish)?;
        Ok(FrozenWindow::parse(&draft.window).unwrap())
    }

    pub(crate) fn statement(
        &self,
        who: &Someone,
        verb: Verb,
        window: &FrozenWindow,
    ) -> SignedStatement {
        self.statement_of(verb, window, &who.name)
            .sign(sshsig::with_key(&who.key))
            .unwrap()
    }

    pub(crate) fn statement_of(
        &self,
        verb: Verb,
        window: &FrozenWindow,
        signer: &Name,
    ) -> Statement {
        Statement {
            v: Version,
            verb,
            window: window.hash(),
            ca: self.newborn.pin,
            signer: signer.clone(),
            time: self.now(),
            expires: window.document().ends,
        }
    }

    pub(crate) fn submit(
        &self,
        who: &Someone,
        verb: Verb,
        window: &FrozenWindow,
    ) -> Result<WindowView, No> {
        let body = Submission {
            window: window.text().to_owned(),
            statement: self.statement(who, verb, window),
        };
        self.post(who, "/v1/windows", &body)
    }

    /// Draft and request in one.
    pub(crate) fn request(&self, who: &Someone, wish: &Wish) -> FrozenWindow {
        let window = self.draft(who, wish).unwrap();
        self.submit(who, Verb::Request, &window).unwrap();
        window
    }

    pub(crate) fn say(
        &self,
        who: &Someone,
        verb: Verb,
        window: &FrozenWindow,
    ) -> Result<WindowView, No> {
        self.send(who, window, &self.statement(who, verb, window))
    }

    pub(crate) fn send(
        &self,
        who: &Someone,
        window: &FrozenWindow,
        statement: &SignedStatement,
    ) -> Result<WindowView, No> {
        self.post(
            who,
            &format!("/v1/windows/{}/statements", window.document().id),
            statement,
        )
    }

    pub(crate) fn token(&self, host: &str, groups: &[&str]) -> JoinToken {
        let wish = TokenWish {
            host: Some(host.parse().unwrap()),
            aliases: vec![format!("{host}.example.org").parse().unwrap()],
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            uses: 1,
            ttl: 600,
            replace: false,
        };
        let token: Token = self.post(&self.admin, "/v1/hosts/tokens", &wish).unwrap();
        token.token.parse().unwrap()
    }

    /// A token for so many machines of a group.
    pub(crate) fn group_token(&self, group: &str, uses: u32) -> JoinToken {
        let wish = TokenWish {
            host: None,
            aliases: Vec::new(),
            groups: vec![group.parse().unwrap()],
            uses,
            ttl: 600,
            replace: false,
        };
        let token: Token = self.post(&self.admin, "/v1/hosts/tokens", &wish).unwrap();
        token.token.parse().unwrap()
    }
}
