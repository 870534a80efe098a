//! Messages survive the wire, and nothing but messages does.

use daypass_gate::{Caller, Malformed, Request, Response};
use proptest::prelude::*;

fn text(max: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[^\\x00]{{0,{}}}", max / 4)).unwrap()
}

prop_compose! {
    fn caller()(service in text(64), user in text(256), uid in any::<u32>(), ruser in text(256), rhost in text(256), tty in text(256)) -> Caller {
        Caller { service, user, uid, ruser, rhost, tty }
    }
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        (text(256), text(512), any::<u64>(), text(64), text(2048)).prop_map(
            |(user, key_id, serial, key_type, certificate)| Request::Principals {
                user,
                key_id,
                serial,
                key_type,
                certificate
            }
        ),
        caller().prop_map(Request::Account),
        caller().prop_map(Request::Authenticate),
        (caller(), any::<u64>(), text(2048)).prop_map(|(caller, handle, auth_info)| {
            Request::SessionOpen {
                caller,
                handle,
                auth_info,
            }
        }),
        (caller(), any::<u64>())
            .prop_map(|(caller, handle)| Request::SessionClose { caller, handle }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    prop_oneof![
        text(64).prop_map(|principal| Response::Admit { principal }),
        (any::<u64>(), any::<Option<u32>>()).prop_map(|(handle, session_gid)| Response::Allow {
            handle,
            session_gid
        }),
        text(1024).prop_map(|message| Response::Deny { message }),
        Just(Response::Ignore),
    ]
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_went(request in request()) {
        prop_assert_eq!(Request::decode(&request.encode().unwrap()), Ok(request));
    }

    #[test]
    fn a_response_comes_back_as_it_went(response in response()) {
        prop_assert_eq!(Response::decode(&response.encode().unwrap()), Ok(response));
    }

    #[test]
    fn any_cut_message_is_refused(request in request(), at in any::<prop::sample::Index>()) {
        let bytes = request.encode().unwrap();
        prop_assert!(Request::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn whatever_decodes_is_exactly_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 1u8..6) {
        let mut message = vec![1, kind];
        message.extend(bytes);
        if let Ok(request) = Request::decode(&message) {
            prop_assert_eq!(request.encode().unwrap(), message);
        }
    }

    #[test]
    fn a_request_never_passes_for_a_response(request in request()) {
        let decoded = Response::decode(&request.encode().unwrap());
        let refused = matches!(decoded, Err(Malformed::Kind { .. }));
        prop_assert!(refused);
    }
}

#[test]
fn other_versions_kinds_and_trailing_bytes_are_refused() {
    let mut bytes = Response::Ignore.encode().unwrap();
    assert_eq!(bytes, [1, 131]);
    bytes[0] = 2;
    assert_eq!(
        Response::decode(&bytes),
        Err(Malformed::Version { found: 2 })
    );
    assert_eq!(
        Response::decode(&[1, 127]),
        Err(Malformed::Kind { found: 127 })
    );
    assert_eq!(
        Response::decode(&[1, 131, 0]),
        Err(Malformed::Trailing { bytes: 1 })
    );
    assert_eq!(
        Response::decode(&[1, 129, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
        Err(Malformed::Presence {
            field: "session_gid",
            found: 2
        })
    );
}

#[test]
fn text_is_bounded_on_both_sides_and_holds_no_nul() {
    let long = Response::Admit {
        principal: "w".repeat(65),
    };
    assert!(matches!(
        long.encode(),
        Err(Malformed::TooLong { length: 65, .. })
    ));
    assert!(matches!(
        Response::decode(&[1, 128, 0, 1, 0, 0]),
        Err(Malformed::TooLong { length: 65536, .. })
    ));
    assert!(matches!(
        Response::decode(&[1, 128, 0, 0, 0, 1, 0]),
        Err(Malformed::NotText { .. })
    ));
    assert!(matches!(
        Response::decode(&[1, 128, 0, 0, 0, 1, 0xff]),
        Err(Malformed::NotText { .. })
    ));
}

#[test]
fn hostile_items_are_cut_and_not_refused() {
    let caller = Caller {
        rhost: "é".repeat(400),
        user: "a\0b".to_owned(),
        ..Caller::default()
    }
    .bounded();
    assert_eq!(caller.rhost.len(), 256);
    assert_eq!(caller.user, "ab");
    assert!(Request::Account(caller).encode().is_ok());
    assert!(Response::deny(&"é\0".repeat(4000)).encode().is_ok());
}
