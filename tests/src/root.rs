//! The cached root file systems under the hosts' overlays.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::lock::Lock;
use crate::outside::{make_directory, tool, write};
use crate::{Error, Release, Result};

/// Where the roots are kept: outside any checkout, so that all checkouts share them.
const CACHE: &str = "/var/cache/daypass-hosts";

/// What a root is for, which decides what is installed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A host: servers, hosts under management and laptops alike.
    Host,
    /// A place to build Debian packages in.
    Build,
}

impl RootKind {
    fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Build => "build",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Host => &[
                "systemd",
                "systemd-sysv",
                "dbus",
                "libpam-systemd",
                "libpam-runtime",
                "libpam-modules",
                "openssh-server",
                "openssh-client",
                "sudo",
                "adduser",
                "passwd",
                "login",
                "cron",
                "at",
                "iproute2",
                "iputils-ping",
                "procps",
                "psmisc",
                "lsof",
                "strace",
                "e2fsprogs",
                "libfaketime",
                "pamtester",
                "valgrind",
                "libc6-dbg",
                "rsync",
                "git",
                // With it the whole of python, which it needs on the hosts as well.
                "ansible-core",
                "tmux",
                "screen",
                "jq",
                "less",
                "ca-certificates",
                "tzdata",
                "util-linux",
                "bsdutils",
            ],
            Self::Build => &[
                "debhelper",
                "dpkg-dev",
                "build-essential",
                "libpam0g-dev",
                "ca-certificates",
            ],
        }
    }

    /// Run by mmdebstrap in the finished root, its path as `$1`.
    fn finish(self) -> &'static str {
        match self {
            // No two hosts may share an identity; timers that reach for the network, and a console
            // that nobody looks at, only cost time.
            Self::Host => {
                r#"rm -f "$1"/etc/ssh/ssh_host_*; : > "$1/etc/machine-id"
                # What a host gets where a test asks for it; Debian 13 has sudo-rs.
                mkdir -p "$1/var/cache/daypass-tests"
                for package in libnss-sss sudo-rs; do
                    if APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-cache show "$package" >/dev/null 2>&1; then
                        cd "$1/var/cache/daypass-tests"
                        APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --quiet --quiet download "$package"
                    fi
                done
                systemctl --root="$1" mask console-getty.service getty.target systemd-firstboot.service \
                    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
                    systemd-networkd-wait-online.service"#
            }
            // Where a build that must not write to the root finds its sources and its toolchain.
            Self::Build => r#"mkdir -p "$1/build" "$1/opt/rust""#,
        }
    }
}

/// A root that nothing writes to any more.
#[derive(Clone, Debug)]
pub struct Root {
    path: PathBuf,
    release: Release,
}

impl Root {
    /// Finds the root in the cache, or makes it (some twenty seconds, once).
    ///
    /// The root's name holds a digest of all that went into it, so that a changed package list
    /// makes another root; it gets that name only when it is complete.
    pub fn obtain(release: Release, kind: RootKind) -> Result<Self> {
        crate::require_root()?;
        crate::require_tools(&crate::Tool::FOR_HOSTS)?;
        let cache = Path::new(CACHE);
        make_directory(cache)?;
        let mut digest = DefaultHasher::new();
        (kind.packages(), kind.finish()).hash(&mut digest);
        let name = format!("{release}-{}-{:016x}", kind.name(), digest.finish());
        let _lock = Lock::wait(&cache.join(format!("{name}.lock")))?;
        let path = cache.join(&name);
        if !path.exists() {
            make(release, kind, &cache.join(format!("{name}.part")), &path)?;
        }
        Ok(Self { path, release })
    }

    /// The root's directory. Read it, lay an overlay on it; never write to it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The release that is installed in it.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }
}

fn make(release: Release, kind: RootKind, part: &Path, path: &Path) -> Result<()> {
    if part.exists() {
        fs::remove_dir_all(part).map_err(Error::path("remove the unfinished", part))?;
    }
    let hook = part.with_extension("hook");
    write(&hook, format!("#!/bin/sh\nset -e\n{}\n", kind.finish()))?;
    let mut arguments = vec![
        "--quiet".to_owned(),
        "--variant=minbase".to_owned(),
        "--format=directory".to_owned(),
        format!("--include={}", kind.packages().join(",")),
        format!("--customize-hook=sh {} \"$1\"", hook.display()),
        release.name().to_owned(),
        part.display().to_string(),
    ];
    // A mirror nearer than Debian's own.
    arguments.extend(std::env::var("DAYPASS_TEST_MIRROR"));
    tool("mmdebstrap", arguments)?;
    fs::remove_file(&hook).map_err(Error::path("remove", &hook))?;
    fs::rename(part, path).map_err(Error::path("give its name to", part))
}
