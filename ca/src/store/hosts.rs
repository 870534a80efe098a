//! Enrolled hosts, their names and groups.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, Row, params};

use super::{StoreError, Tx, list, unlist};

/// A host as it was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledHost {
    /// The name that windows use.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its SSH host keys, `TYPE BASE64`.
    pub host_keys: Vec<String>,
    /// The enrolment record, exact bytes.
    pub record: String,
    /// The state key's SSHSIG over the record.
    pub signature: String,
    /// SHA-256 of its current client certificate's DER: no other one is taken.
    pub certificate: [u8; 32],
    /// Seconds since 1970.
    pub enrolled: i64,
    /// When that one ends, in seconds since 1970.
    pub expires: i64,
    /// Whether the CA was restored and this host has not shown that one since: it may have another by now.
    pub unconfirmed: bool,
}

const COLUMNS: &str = "name, aliases, groups, host_keys, record, signature, certificate, enrolled, expires, unconfirmed";

/// Names that a host has beside its own, and those of its groups.
type AliasesAndGroups = (Vec<String>, Vec<String>);

type HostRow = (
    String,
    String,
    String,
    String,
    String,
    String,
    [u8; 32],
    i64,
    i64,
    bool,
);

impl Tx<'_> {
    /// Enrols a host; a name that another one has is an error of SQLite's.
    pub(crate) fn add_host(&self, host: &EnrolledHost) -> Result<(), StoreError> {
        self.0.execute(
            &format!(
                "INSERT INTO hosts ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            ),
            params![
                host.name,
                list(&host.aliases)?,
                list(&host.groups)?,
                list(&host.host_keys)?,
                host.record,
                host.signature,
                host.certificate,
                host.enrolled,
                host.expires,
                host.unconfirmed
            ],
        )?;
        for name in std::iter::once(&host.name).chain(&host.aliases) {
            self.0.execute(
                "INSERT INTO host_names (name, host) VALUES (?1, ?2)",
                params![name, host.name],
            )?;
        }
        for group in &host.groups {
            self.0.execute(
                "INSERT INTO host_groups (\"group\", host) VALUES (?1, ?2)",
                params![group, host.name],
            )?;
        }
        Ok(())
    }

    /// Takes a host out, with its names and groups: another machine takes its place. Its SSH keys are remembered.
    pub(crate) fn remove_host(&self, name: &str, now: i64) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO former_hosts (name, host_keys, replaced)
             SELECT name, host_keys, ?2 FROM hosts WHERE name = ?1",
            params![name, now],
        )?;
        self.0
            .execute("DELETE FROM hosts WHERE name = ?1", [name])?;
        Ok(())
    }

    /// Name and SSH keys of the hosts whose place was taken after `since`.
    pub(crate) fn former_hosts(
        &self,
        since: i64,
    ) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT name, host_keys FROM former_hosts WHERE replaced > ?1")?;
        let rows = statement.query_map([since], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (name, keys) = row?;
            Ok((name, unlist(&keys, "keys of a host")?))
        })
        .collect()
    }

    /// The host that answers by `name`, be it an alias.
    pub(crate) fn host_named(&self, name: &str) -> Result<Option<EnrolledHost>, StoreError> {
        self.0
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM hosts WHERE name = (SELECT host FROM host_names WHERE name = ?1)"
            ))?
            .query_row([name], host_from_row)
            .optional()?
            .map(host)
            .transpose()
    }

    /// Aliases and groups of the host with exactly this name.
    pub(crate) fn place(&self, name: &str) -> Result<Option<AliasesAndGroups>, StoreError> {
        self.0
            .prepare_cached("SELECT aliases, groups FROM hosts WHERE name = ?1")?
            .query_row([name], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?
            .map(|(aliases, groups)| {
                Ok((
                    unlist(&aliases, "aliases of a host")?,
                    unlist(&groups, "groups of a host")?,
                ))
            })
            .transpose()
    }

    /// The host whose client certificate, the current or the renewed one, hashes to `certificate`.
    pub(crate) fn host_with_certificate(
        &self,
        certificate: &[u8; 32],
    ) -> Result<Option<EnrolledHost>, StoreError> {
        self.0
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM hosts WHERE certificate = ?1 OR renewed = ?1"
            ))?
            .query_row([certificate], host_from_row)
            .optional()?
            .map(host)
            .transpose()
    }

    /// Keeps a new client certificate, which ends at `expires`, beside the current one, until it is used: should the answer be
    /// lost, the host has the one before, or can come back once more. False where the host has another current one than
    /// `host` by now: then another machine may have taken its place.
    pub(crate) fn renew_host(
        &self,
        host: &EnrolledHost,
        host_keys: &[String],
        certificate: &[u8; 32],
        expires: i64,
    ) -> Result<bool, StoreError> {
        let changed = self.0.execute(
            "UPDATE hosts SET host_keys = ?3, renewed = ?4, renewed_expires = ?5 WHERE name = ?1 AND certificate = ?2",
            params![
                host.name,
                host.certificate,
                list(host_keys)?,
                certificate,
                expires
            ],
        )?;
        Ok(changed == 1)
    }

    /// The renewed certificate was used: the one before counts no more.
    pub(crate) fn use_renewed(&self, certificate: &[u8; 32]) -> Result<(), StoreError> {
        self.0.execute(
            "UPDATE hosts SET certificate = renewed, expires = renewed_expires, renewed = NULL, renewed_expires = NULL,
                    unconfirmed = 0
             WHERE renewed = ?1",
            [certificate],
        )?;
        Ok(())
    }

    /// Whether a host can still show its certificate is not known, until it does: by then its SSH host key counts, too.
    pub(crate) fn doubt_hosts(&self) -> Result<(), StoreError> {
        self.0.execute("UPDATE hosts SET unconfirmed = 1", [])?;
        Ok(())
    }

    /// The current certificate was used, so it is the host's still.
    pub(crate) fn confirm_host(&self, certificate: &[u8; 32]) -> Result<(), StoreError> {
        self.0.execute(
            "UPDATE hosts SET unconfirmed = 0 WHERE certificate = ?1",
            [certificate],
        )?;
        Ok(())
    }

    /// The SSH host keys of a host that was enrolled by `until`; none of one that was enrolled later.
    pub(crate) fn host_keys_until(
        &self,
        name: &str,
        until: i64,
    ) -> Result<Vec<String>, StoreError> {
        let keys: Option<String> = self
            .0
            .prepare_cached("SELECT host_keys FROM hosts WHERE name = ?1 AND enrolled <= ?2")?
            .query_row(params![name, until], |row| row.get(0))
            .optional()?;
        keys.map_or_else(|| Ok(Vec::new()), |keys| unlist(&keys, "keys of a host"))
    }

    /// The SSH host keys of all hosts.
    pub(crate) fn host_keys(&self) -> Result<HashSet<String>, StoreError> {
        let mut statement = self.0.prepare_cached("SELECT host_keys FROM hosts")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut found = HashSet::new();
        for keys in rows {
            found.extend(unlist(&keys?, "keys of a host")?);
        }
        Ok(found)
    }

    /// The names of a group's hosts, sorted.
    pub(crate) fn hosts_of_group(&self, group: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT host FROM host_groups WHERE \"group\" = ?1 ORDER BY host")?;
        let rows = statement.query_map([group], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every host, by name.
    pub(crate) fn hosts(&self) -> Result<Vec<EnrolledHost>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(&format!("SELECT {COLUMNS} FROM hosts ORDER BY name"))?;
        let rows = statement.query_map([], host_from_row)?;
        rows.map(|row| host(row?)).collect()
    }
}

fn host_from_row(row: &Row<'_>) -> rusqlite::Result<HostRow> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        row.get(9)?,
    ))
}

fn host(row: HostRow) -> Result<EnrolledHost, StoreError> {
    let (
        name,
        aliases,
        groups,
        host_keys,
        record,
        signature,
        certificate,
        enrolled,
        expires,
        unconfirmed,
    ) = row;
    Ok(EnrolledHost {
        name,
        aliases: unlist(&aliases, "aliases of a host")?,
        groups: unlist(&groups, "groups of a host")?,
        host_keys: unlist(&host_keys, "keys of a host")?,
        record,
        signature,
        certificate,
        enrolled,
        expires,
        unconfirmed,
    })
}
