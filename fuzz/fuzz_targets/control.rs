//! What root's commands say to a service at work, and what it answers: the CA's control socket, the orders that are left for a
//! collector and for a host's agent.
#![no_main]

use daypass_agent::orders as agent;
use daypass_ca::control::{
    Answer, Erased, MAX_ANSWER, MAX_QUESTION, Question, RenewedLogKey, Status,
};
use daypass_ca::tokens;
use daypass_collector::orders;
use daypass_protocol::collector::{Admission, Request};
use daypass_protocol::strict_json;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is understood is written down so that it is understood as the same.
fn again<T: Serialize + DeserializeOwned + PartialEq>(value: &T) {
    let text = serde_json::to_vec(value).expect("JSON");
    let read = serde_json::from_slice::<T>(&text).expect("the same");
    assert!(read == *value);
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(question) = strict_json::parse::<Question>(bytes, MAX_QUESTION) {
        again(&question);
        match question {
            Question::CollectorAdd(text) => _ = Request::parse(&text),
            Question::HostToken(wish) => _ = tokens::check(&wish),
            Question::Status(_)
            | Question::CollectorRemove(_)
            | Question::RenewLogKey(_)
            | Question::Erase(_) => {}
        }
    }
    if let Ok(Answer::Done(value)) = strict_json::parse::<Answer>(bytes, MAX_ANSWER) {
        _ = serde_json::from_value::<Status>(value.clone());
        _ = serde_json::from_value::<Erased>(value.clone());
        _ = serde_json::from_value::<RenewedLogKey>(value.clone());
        _ = serde_json::from_value::<Admission>(value);
    }
    if let Ok(order) = serde_json::from_slice::<orders::Order>(bytes) {
        again(&order);
    }
    if let Ok(answer) = serde_json::from_slice::<orders::Answer>(bytes) {
        again(&answer);
    }
    if let Ok(order) = serde_json::from_slice::<agent::Order>(bytes) {
        again(&order);
    }
    if let Ok(answer) = serde_json::from_slice::<agent::Answer>(bytes) {
        again(&answer);
    }
});
