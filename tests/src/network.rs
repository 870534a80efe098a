//! A bridge of its own with hosts plugged in, which no other run can see.

use std::thread;

use crate::host::Host;
use crate::outside::ip;
use crate::run::Run;
use crate::{Error, Release, Result, Root, RootKind};

/// Hosts in 192.0.2.0/24, which know each other by name. Dropped, everything is gone.
#[derive(Debug)]
pub struct Network {
    // Before `run`, so that hosts end before their directories and namespaces go.
    hosts: Vec<Host>,
    switch: String,
    run: Run,
}

/// Which hosts a network shall have.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    hosts: Vec<(String, Release)>,
}

impl Plan {
    /// One more host, of the release that [`Release::chosen`] gives.
    pub fn host(self, name: &str) -> Result<Self> {
        Ok(self.host_of(name, Release::chosen()?))
    }

    /// One more host, of this release.
    #[must_use]
    pub fn host_of(mut self, name: &str, release: Release) -> Self {
        self.hosts.push((name.to_owned(), release));
        self
    }

    /// Makes the network and boots all of its hosts at once.
    pub fn start(self) -> Result<Network> {
        crate::require_root()?;
        crate::require_tools(&crate::Tool::FOR_HOSTS)?;
        crate::limits::raise()?;
        if self.hosts.len() > Network::ROOM {
            return Err(Error::NetworkFull {
                room: Network::ROOM,
            });
        }
        for (name, _) in &self.hosts {
            check_name(name)?;
        }
        let run = Run::start()?;
        let switch = run.namespace("switch");
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add bridge type bridge"))?;
        ip(&format!("-n {switch} link set bridge up"))?;
        let mut network = Network {
            hosts: Vec::new(),
            switch,
            run,
        };
        let table = self
            .hosts
            .iter()
            .enumerate()
            .map(|(index, (name, _))| (address(index), name.as_str()));
        let known = hosts_file(table);
        for (index, (name, release)) in self.hosts.iter().enumerate() {
            let root = Root::obtain(*release, RootKind::Host)?;
            let namespace = network.plug_in(index, name)?;
            network.hosts.push(Host::new(
                &network.run,
                &root,
                name,
                address(index),
                namespace,
            )?);
        }
        thread::scope(|scope| {
            let starts: Vec<_> = network
                .hosts
                .iter()
                .map(|host| scope.spawn(|| host.prepare(&known).and_then(|()| host.boot())))
                .collect();
            starts.into_iter().try_for_each(|start| {
                start
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        Ok(network)
    }
}

impl Network {
    /// How many hosts fit: a host's number stands in its interface's name and its address.
    const ROOM: usize = 200;

    /// An empty plan.
    #[must_use]
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// A network of hosts with these names, of the release that [`Release::chosen`] gives.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        names
            .into_iter()
            .try_fold(Self::plan(), Plan::host)?
            .start()
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Result<&Host> {
        self.hosts
            .iter()
            .find(|host| host.name() == name)
            .ok_or_else(|| Error::UnknownHost {
                name: name.to_owned(),
            })
    }

    /// All hosts, in the order of the plan.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// Pulls the host's network cable: it keeps its address, nothing gets through.
    pub fn cut(&self, name: &str) -> Result<()> {
        self.set_port(name, "down")
    }

    /// Plugs the cable in again.
    pub fn restore(&self, name: &str) -> Result<()> {
        self.set_port(name, "up")
    }

    fn set_port(&self, name: &str, state: &str) -> Result<()> {
        let index = self.hosts.iter().position(|host| host.name() == name);
        let index = index.ok_or_else(|| Error::UnknownHost {
            name: name.to_owned(),
        })?;
        ip(&format!("-n {} link set port{index} {state}", self.switch))
    }

    /// Makes a host's network namespace and its cable to the bridge; gives the namespace's name.
    fn plug_in(&self, index: usize, name: &str) -> Result<String> {
        let (switch, namespace) = (&self.switch, self.run.namespace(name));
        ip(&format!("netns add {namespace}"))?;
        ip(&format!(
            "-n {switch} link add port{index} type veth peer name eth0 netns {namespace}"
        ))?;
        ip(&format!(
            "-n {switch} link set port{index} master bridge up"
        ))?;
        ip(&format!(
            "-n {namespace} address add {}/24 dev eth0",
            address(index)
        ))?;
        ip(&format!("-n {namespace} link set eth0 up"))?;
        ip(&format!("-n {namespace} link set lo up"))?;
        Ok(namespace)
    }
}

fn address(index: usize) -> String {
    format!("192.0.2.{}", 10 + index)
}

fn hosts_file<'a>(hosts: impl Iterator<Item = (String, &'a str)>) -> String {
    let lines = hosts.map(|(address, name)| format!("{address} {name}\n"));
    std::iter::once("127.0.0.1 localhost\n::1 localhost\n".to_owned())
        .chain(lines)
        .collect()
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=32).contains(&name.len())
        && name != "switch"
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits {
        Ok(())
    } else {
        Err(Error::HostName {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_know_each_other_by_name() {
        let text = hosts_file([(address(0), "server"), (address(1), "db1")].into_iter());
        assert!(text.ends_with("192.0.2.10 server\n192.0.2.11 db1\n"));
    }

    #[test]
    fn a_name_that_is_no_host_name_is_refused() {
        for name in ["", "db_1", "../x", "DB1", "switch"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("db1").is_ok());
    }
}
