//! The operating system and the few libpam calls that `pam-bindings` lacks. Return codes stay integers until checked.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use pam::module::PamHandle;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_getenv(pamh: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_syslog(pamh: *const PamHandle, priority: c_int, format: *const c_char, ...);
}

/// A variable of PAM's own environment, as sshd sets them for modules.
pub(crate) fn pam_environment(pamh: &mut PamHandle, name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: both pointers are valid for the call; libpam keeps neither.
    let value = unsafe { pam_getenv(pamh, name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not null, so a C string that libpam owns and that lives until its environment changes; copied at once.
    Some(unsafe { CStr::from_ptr(value) }.to_bytes().to_vec())
}

/// One line to syslog, under the name of the service that loaded this module.
pub(crate) fn log_warning(pamh: &PamHandle, line: &str) {
    let Ok(line) = CString::new(line) else { return };
    // SAFETY: the format takes exactly one C string, which lives for the call.
    unsafe { pam_syslog(pamh, libc::LOG_WARNING, c"%s".as_ptr(), line.as_ptr()) };
}

/// The real uid of this process.
pub(crate) fn real_uid() -> u32 {
    // SAFETY: getuid cannot fail and touches no memory.
    unsafe { libc::getuid() }
}

/// The supplementary groups of this process.
pub(crate) fn groups() -> io::Result<Vec<u32>> {
    // SAFETY: with size 0 the pointer is not used.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups = vec![0; usize::try_from(count).map_err(|_| io::Error::last_os_error())?];
    // SAFETY: the buffer has room for `count` groups.
    let count = unsafe { libc::getgroups(count, groups.as_mut_ptr()) };
    groups.truncate(usize::try_from(count).map_err(|_| io::Error::last_os_error())?);
    Ok(groups)
}

/// Replaces the supplementary groups of this process.
pub(crate) fn replace_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: pointer and length are of the same slice.
    match unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Time since boot, suspend included: nobody can set it.
pub(crate) fn since_boot() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    if failed != 0 {
        return Duration::ZERO;
    }
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// A stream socket connected to `path`; gives up after `patience`, also where the listener's queue is full.
pub(crate) fn connect(path: &Path, patience: Duration) -> io::Result<OwnedFd> {
    let socket = stream_socket(0)?;
    set_send_patience(&socket, patience)?;
    connect_to(&socket, path)?;
    Ok(socket)
}

/// The same without any waiting; it fails where the listener's queue is full.
pub(crate) fn connect_at_once(path: &Path) -> io::Result<OwnedFd> {
    let socket = stream_socket(libc::SOCK_NONBLOCK)?;
    connect_to(&socket, path)?;
    // From here on others bound how long it may wait.
    // SAFETY: a descriptor of ours and plain integers.
    match unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETFL, 0) } {
        0 => Ok(socket),
        _ => Err(io::Error::last_os_error()),
    }
}

fn stream_socket(flags: c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags;
    // SAFETY: plain integers in, a descriptor or -1 out.
    let fd = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn connect_to(socket: &OwnedFd, path: &Path) -> io::Result<()> {
    let mut address = libc::sockaddr_un {
        sun_family: libc::AF_UNIX as libc::sa_family_t,
        sun_path: [0; 108],
    };
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: `address` is a whole sockaddr_un of `size` bytes.
    match unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Bounds how long `connect` and [`send`] may block on this socket.
pub(crate) fn set_send_patience(socket: &OwnedFd, patience: Duration) -> io::Result<()> {
    // A zero timeval would mean "for ever".
    let patience = patience.max(Duration::from_millis(1));
    let time = libc::timeval {
        tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
        tv_usec: patience.subsec_micros().into(),
    };
    let size = size_of::<libc::timeval>() as libc::socklen_t;
    let fd = socket.as_raw_fd();
    // SAFETY: `time` is a whole timeval of `size` bytes.
    match unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const time).cast(),
            size,
        )
    } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The uid that listens at the other end: whoever called `listen`.
pub(crate) fn listener_uid(socket: &OwnedFd) -> io::Result<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let fd = socket.as_raw_fd();
    // SAFETY: `peer` has room for `size` bytes, and `size` is a valid socklen_t to write to.
    match unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        )
    } {
        0 => Ok(peer.uid),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends without raising SIGPIPE, which the program around us may not expect.
pub(crate) fn send(socket: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: pointer and length are of the same slice.
    let sent = unsafe {
        libc::send(
            socket,
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_NOSIGNAL,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
