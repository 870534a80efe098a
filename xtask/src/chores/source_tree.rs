//! A copy of the sources for a build, and whether they changed since the last one.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Not sources, wherever they stand at the top.
const LEFT_OUT: [&str; 2] = ["target", "debian"];

/// Everything below `top` that is source, as paths relative to it, in a fixed order.
pub(crate) fn files(top: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names(top)? {
        let hidden = name.to_string_lossy().starts_with('.');
        if !hidden && !LEFT_OUT.iter().any(|left_out| name == Path::new(left_out)) {
            collect(top, &name, &mut found)?;
        }
    }
    Ok(found)
}

/// A digest of names, modes and contents.
pub(crate) fn digest(top: &Path, files: &[PathBuf]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let path = top.join(file);
        let mode = fs::metadata(&path)
            .map_err(Error::path("look at", &path))?
            .permissions()
            .mode();
        let bytes = fs::read(&path).map_err(Error::path("read", &path))?;
        (file, mode, bytes).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Makes `to` hold exactly these files. What has not changed keeps its time, so that cargo builds
/// only what did.
pub(crate) fn copy(top: &Path, sources: &[PathBuf], to: &Path) -> Result<()> {
    if to.exists() {
        for old in files(to)?.iter().filter(|old| !sources.contains(old)) {
            let path = to.join(old);
            fs::remove_file(&path).map_err(Error::path("remove", path))?;
        }
    }
    for file in sources {
        let (from, path) = (top.join(file), to.join(file));
        let bytes = fs::read(&from).map_err(Error::path("read", &from))?;
        if fs::read(&path).is_ok_and(|present| present == bytes) {
            continue;
        }
        let parent = path.parent().unwrap_or(to);
        fs::create_dir_all(parent).map_err(Error::path("make the directory", parent))?;
        fs::copy(&from, &path).map_err(Error::path("write", &path))?;
    }
    Ok(())
}

fn collect(top: &Path, at: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !top.join(at).is_dir() {
        found.push(at.to_owned());
        return Ok(());
    }
    names(&top.join(at))?
        .iter()
        .try_for_each(|name| collect(top, &at.join(name), found))
}

fn names(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(Error::path("list", directory))?;
    let mut names: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.file_name().into())
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_loses_what_its_source_lost_and_keeps_the_rest() {
        let place =
            std::env::temp_dir().join(format!("daypass-source-tree-{}", std::process::id()));
        let (from, to) = (place.join("from"), place.join("to"));
        fs::create_dir_all(from.join("a")).unwrap();
        fs::create_dir_all(from.join("target")).unwrap();
        for file in ["a/kept", "a/lost", "target/built", ".hidden"] {
            fs::write(from.join(file), file).unwrap();
        }
        copy(&from, &files(&from).unwrap(), &to).unwrap();
        fs::remove_file(from.join("a/lost")).unwrap();
        copy(&from, &files(&from).unwrap(), &to).unwrap();
        assert_eq!(files(&to).unwrap(), [PathBuf::from("a/kept")]);
        assert!(!to.join("target").exists() && !to.join(".hidden").exists());
        fs::remove_dir_all(place).unwrap();
    }
}
