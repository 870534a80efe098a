//! libpam, as the programs call it that load the module.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

#[repr(C)]
struct Handle {
    _private: [u8; 0],
}

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Reply {
    text: *mut c_char,
    code: c_int,
}

#[repr(C)]
struct Conversation {
    speak: extern "C" fn(c_int, *const *const Message, *mut *mut Reply, *mut c_void) -> c_int,
    data: *mut c_void,
}

type Call = unsafe extern "C" fn(*mut Handle, c_int) -> c_int;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        directory: *const c_char,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, setting: *const c_char) -> c_int;
    fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut Handle, flags: c_int) -> c_int;
}

const SUCCESS: c_int = 0;
const BUFFER_ERROR: c_int = 5;
const ESTABLISH_CRED: c_int = 2;
const USER: c_int = 2;
/// The styles of messages that wait for somebody to type something.
const PROMPTS: [c_int; 2] = [1, 2];

/// What PAM can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Authenticate,
    Account,
    Open,
    Credentials,
    Close,
}

/// What reached the person.
#[derive(Debug, Default)]
struct Heard {
    said: Vec<u8>,
    prompts: usize,
}

/// One transaction.
pub(crate) struct Transaction {
    handle: *mut Handle,
    last: c_int,
    heard: Box<RefCell<Heard>>,
}

impl Transaction {
    /// By the services of this directory.
    pub(crate) fn start(directory: &Path, service: &str, user: &str) -> Self {
        let [directory, service, user] =
            [directory.to_str().unwrap(), service, user].map(|text| CString::new(text).unwrap());
        let heard = Box::<RefCell<Heard>>::default();
        let conversation = Conversation {
            speak,
            data: ptr::from_ref(&*heard).cast_mut().cast(),
        };
        let mut handle = ptr::null_mut();
        // SAFETY: every string and the conversation live through the call, which copies them; `heard` lives as long as the
        // transaction.
        let started = unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user.as_ptr(),
                &raw const conversation,
                directory.as_ptr(),
                &raw mut handle,
            )
        };
        assert_eq!(started, SUCCESS, "pam_start_confdir");
        Self {
            handle,
            last: SUCCESS,
            heard,
        }
    }

    /// Sets a variable of PAM's own environment: `NAME=value`.
    pub(crate) fn put(&mut self, setting: Vec<u8>) {
        let setting = CString::new(setting).unwrap();
        // SAFETY: the handle is live, and the setting is copied.
        let put = unsafe { pam_putenv(self.handle, setting.as_ptr()) };
        assert_eq!(put, SUCCESS, "pam_putenv");
    }

    /// Another name in the middle of everything, as modules may set it.
    pub(crate) fn rename(&mut self, user: &str) {
        let user = CString::new(user).unwrap();
        // SAFETY: the handle is live, and the name is copied.
        let set = unsafe { pam_set_item(self.handle, USER, user.as_ptr().cast()) };
        assert_eq!(set, SUCCESS, "pam_set_item");
    }

    /// Whether PAM says yes.
    pub(crate) fn passes(&mut self, phase: Phase) -> bool {
        let (call, flags): (Call, c_int) = match phase {
            Phase::Authenticate => (pam_authenticate, 0),
            Phase::Account => (pam_acct_mgmt, 0),
            Phase::Open => (pam_open_session, 0),
            Phase::Credentials => (pam_setcred, ESTABLISH_CRED),
            Phase::Close => (pam_close_session, 0),
        };
        // SAFETY: the handle is live.
        self.last = unsafe { call(self.handle, flags) };
        self.last == SUCCESS
    }

    /// All that was said so far.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.heard.borrow().said.clone()
    }

    /// How often somebody was to type something.
    pub(crate) fn prompts(&self) -> usize {
        self.heard.borrow().prompts
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and nobody uses it after this.
        unsafe { pam_end(self.handle, self.last) };
    }
}

/// Notes what is said, and answers nothing, as to messages that ask for nothing.
extern "C" fn speak(
    count: c_int,
    messages: *const *const Message,
    replies: *mut *mut Reply,
    data: *mut c_void,
) -> c_int {
    // The module sends its lines one by one; libpam's own modules here say nothing.
    if count != 1 {
        return BUFFER_ERROR;
    }
    // SAFETY: there is one message, and it is PAM's until this returns.
    let message = unsafe { *messages };
    // SAFETY: the same.
    let style = unsafe { (*message).style };
    // SAFETY: the same.
    let text = unsafe { (*message).text };
    // SAFETY: a message's text ends with a zero byte.
    let text = unsafe { CStr::from_ptr(text) };
    // SAFETY: what `start` gave for it, which lives as long as the transaction.
    let heard = unsafe { &*data.cast::<RefCell<Heard>>() };
    let mut heard = heard.borrow_mut();
    heard.said.extend(text.to_bytes());
    heard.said.push(b'\n');
    heard.prompts += usize::from(PROMPTS.contains(&style));
    // SAFETY: plain numbers in; whoever asked frees it.
    let reply = unsafe { libc::calloc(1, size_of::<Reply>()) };
    if reply.is_null() {
        return BUFFER_ERROR;
    }
    // SAFETY: PAM gives a place for the reply.
    unsafe { *replies = reply.cast() };
    SUCCESS
}
