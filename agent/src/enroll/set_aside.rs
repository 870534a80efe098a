//! The end of an enrolment of before: its agent stops, its journal stands aside, its keys are gone.

use std::fs;
use std::io;
use std::path::Path;

use crate::durable;
use crate::enrolment::Enrolment;
use crate::layout::Layout;
use crate::systemd;

/// Does nothing where there is none. What a crash leaves half done is done by enrolling again.
pub(super) fn set_aside(layout: &Layout) -> Result<(), durable::Error> {
    if !Enrolment::exists(layout) {
        return Ok(());
    }
    // Without systemd the agent was started by hand, and its lock on the journal is in the way of the next one.
    let _ = systemd::disable_agent();
    let incarnation = Enrolment::load(layout).map_or_else(
        |_| "before".to_owned(),
        |known| known.record.incarnation.to_string(),
    );
    let journal = layout.journal();
    if journal.exists() {
        let aside = journal.with_file_name(format!("journal-{incarnation}"));
        durable::rename(&journal, &aside)?;
    }
    // Last: from here on the host is enrolled no more.
    remove(&layout.journal_keys())
}

fn remove(directory: &Path) -> Result<(), durable::Error> {
    match fs::remove_dir_all(directory) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(durable::Error::Write {
            path: directory.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_of_before_is_kept_and_its_keys_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        set_aside(&layout).unwrap();
        for directory in [layout.journal(), layout.journal_keys()] {
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("a file"), "kept").unwrap();
        }
        set_aside(&layout).unwrap();
        assert!(!layout.journal().exists() && !Enrolment::exists(&layout));
        let aside = layout.journal().with_file_name("journal-before");
        assert_eq!(fs::read_to_string(aside.join("a file")).unwrap(), "kept");
    }
}
