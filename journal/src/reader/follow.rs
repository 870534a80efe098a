//! Follows a journal while it is written.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::{Line, classify};
use crate::durable::{Action, failed};
use crate::error::Error;
use crate::segment::{self, Lines, Name};

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the first line that is there.
    Start,
    /// With the first line that is not there yet.
    End,
}

/// A place in a journal, between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub(crate) Option<(Name, u64)>);

/// Reads lines as they are written, from segment to segment.
pub struct Follower {
    dir: PathBuf,
    current: Option<(Name, Lines)>,
    changes: Inotify,
}

impl Follower {
    /// Follows the journal in `dir`, which must be there; a segment need not.
    ///
    /// # Errors
    ///
    /// What the disk refused.
    pub fn open(dir: &Path, begin: Begin) -> Result<Self, Error> {
        // Watched before the first look, so that nothing falls in between.
        let changes = watch(dir).map_err(|errno| failed(Action::Watch, dir)(errno.into()))?;
        let mut follower = Self {
            dir: dir.to_owned(),
            current: None,
            changes,
        };
        if begin == Begin::End
            && let Some((name, path)) = segment::list(dir)?.pop()
        {
            let mut lines = Lines::open(&path)?;
            lines.skip_whole()?;
            follower.current = Some((name, lines));
        }
        Ok(follower)
    }

    /// Where it stands: what was written before is not what it will read.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(
            self.current
                .as_ref()
                .map(|(name, lines)| (*name, lines.offset())),
        )
    }

    /// The next line; `None` when there is none yet. A line that is being written is not seen
    /// before it is whole.
    ///
    /// # Errors
    ///
    /// What the disk refused.
    pub fn next_line(&mut self) -> Result<Option<Line>, Error> {
        loop {
            if let Some((name, lines)) = &mut self.current {
                // Looked for first: what is then not in this segment never will be.
                let later = later_segment(&self.dir, Some(*name))?;
                if lines.next_whole()?.is_some() {
                    return Ok(lines.last().map(|line| classify(*name, &line)));
                }
                if lines.was_replaced()? {
                    lines.reopen()?;
                    continue;
                }
                let Some(later) = later else {
                    return Ok(None);
                };
                let name = *name;
                let torn = lines.next()?.map(|line| classify(name, &line));
                self.current = Some((later.0, Lines::open(&later.1)?));
                if torn.is_some() {
                    return Ok(torn);
                }
            } else {
                let Some((name, path)) = later_segment(&self.dir, None)? else {
                    return Ok(None);
                };
                self.current = Some((name, Lines::open(&path)?));
            }
        }
    }

    /// Waits until something changed in the journal's directory, or for `timeout`.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn wait(&self, timeout: Duration) -> Result<(), Error> {
        Self::wait_for_any(std::slice::from_ref(self), timeout)
    }

    /// Waits until something changed in the directory of one of these journals, or for `timeout`.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn wait_for_any(followers: &[Self], timeout: Duration) -> Result<(), Error> {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds: Vec<_> = followers
            .iter()
            .map(|follower| PollFd::new(follower.changes.as_fd(), PollFlags::POLLIN))
            .collect();
        let dir = followers
            .first()
            .map_or(Path::new("."), |follower| follower.dir.as_path());
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(()),
            Ok(_) => {}
            Err(errno) => return Err(failed(Action::Watch, dir)(errno.into()).into()),
        }
        for follower in followers {
            match follower.changes.read_events() {
                Ok(_) | Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(failed(Action::Watch, &follower.dir)(errno.into()).into()),
            }
        }
        Ok(())
    }
}

fn watch(dir: &Path) -> Result<Inotify, Errno> {
    let changes = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let events = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    changes.add_watch(dir, events)?;
    Ok(changes)
}

/// The segment after this one, or the first.
pub(super) fn later_segment(
    dir: &Path,
    name: Option<Name>,
) -> Result<Option<(Name, PathBuf)>, Error> {
    let mut segments = segment::list(dir)?.into_iter();
    Ok(segments.find(|(other, _)| Some(*other) > name))
}
