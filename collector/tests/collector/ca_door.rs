//! The CA's end of the connection, in miniature: what it says to an admitted collector, before and after its roster is
//! signed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use daypass_journal::witness::has_vouched;
use daypass_protocol::collector::{Renewal, Renewed};
use daypass_protocol::witness_key::{
    SignedWitnessSuccession, Step, WitnessKeys, WitnessSuccession,
};
use daypass_transport::authority::Authority as Root;
use serde_json::{Value, json};

use crate::site::Ca;

type Answer = (StatusCode, Json<Value>);

/// A CA that answers on a port of its own until it is dropped.
pub(crate) struct CaDoor {
    pub(crate) address: SocketAddr,
    /// What the collector told of its witness keys, as the keys signed it.
    pub(crate) told: Arc<Mutex<Vec<WitnessSuccession>>>,
    refuses: Arc<AtomicBool>,
    signed: Arc<AtomicBool>,
    stop: Handle<SocketAddr>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Said {
    chain: Value,
    state: Value,
    signed: Arc<AtomicBool>,
    root: Arc<Mutex<Root>>,
    told: Arc<Mutex<Vec<WitnessSuccession>>>,
    refuses: Arc<AtomicBool>,
}

impl CaDoor {
    pub(crate) fn open(ca: &Ca) -> Self {
        let signed = Arc::new(AtomicBool::new(false));
        let (told, refuses) = (Arc::default(), Arc::<AtomicBool>::default());
        let root = Root::from_pem(ca.root.certificate(), &ca.root.key()).unwrap();
        let leaf = root
            .issue_server(&["localhost".to_owned()], SystemTime::now())
            .unwrap();
        let tls = daypass_transport::server::config(&leaf.chain, &leaf.key, root.certificate());
        let said = Said {
            chain: json!({"chain": ca.word.chain}),
            state: json!(ca.word.state),
            signed: Arc::clone(&signed),
            root: Arc::new(Mutex::new(root)),
            told: Arc::clone(&told),
            refuses: Arc::clone(&refuses),
        };
        let router = Router::new()
            .route(
                "/v1/roster",
                get(|State(said): State<Said>| async move { answer(&said, &said.chain) }),
            )
            .route(
                "/v1/state",
                get(|State(said): State<Said>| async move { answer(&said, &said.state) }),
            )
            .route("/v1/collectors/renew", post(renew))
            .route("/v1/collectors/witness", post(renew_witness))
            .with_state(said);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Handle::new();
        let (stopped, tls) = (stop.clone(), RustlsConfig::from_config(tls.unwrap()));
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let serve = async move {
                axum_server::from_tcp_rustls(listener, tls)?
                    .handle(stopped)
                    .serve(router.into_make_service())
                    .await
            };
            runtime.block_on(serve).unwrap();
        });
        Self {
            address,
            told,
            refuses,
            signed,
            stop,
            serving: Some(serving),
        }
    }

    /// Whether it refuses what it is told of witness keys, from now on.
    pub(crate) fn refuse(&self, does: bool) {
        self.refuses.store(does, Ordering::SeqCst);
    }

    /// Roster 1 is signed from now on.
    pub(crate) fn sign(&self) {
        self.signed.store(true, Ordering::SeqCst);
    }
}

impl Drop for CaDoor {
    fn drop(&mut self) {
        self.stop.shutdown();
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn answer(said: &Said, value: &Value) -> Answer {
    if said.signed.load(Ordering::SeqCst) {
        return (StatusCode::OK, Json(value.clone()));
    }
    let refusal =
        json!({"error": {"code": "roster-unsigned", "message": "roster 1 is not signed yet"}});
    (StatusCode::SERVICE_UNAVAILABLE, Json(refusal))
}

async fn renew(State(said): State<Said>, Json(asked): Json<Renewal>) -> Json<Renewed> {
    let root = said.root.lock().unwrap();
    let certificate = root
        .issue_collector(
            &asked.csr,
            &["collector.test".to_owned()],
            SystemTime::now(),
        )
        .unwrap();
    Json(Renewed { certificate })
}

async fn renew_witness(
    State(said): State<Said>,
    Json(signed): Json<SignedWitnessSuccession>,
) -> Answer {
    if said.refuses.load(Ordering::SeqCst) {
        let refusal = json!({"error": {"code": "ca-failure", "message": "not now"}});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(refusal));
    }
    let succession = signed.read_unverified().unwrap();
    let signer = succession.signer().parse().unwrap();
    assert!(has_vouched(&signer, &signed.succession, &signed.signature));
    let keys = match succession.step {
        Step::Begins => WitnessKeys {
            witness: succession.witness.clone(),
            heir: Some(succession.heir.clone()),
        },
        Step::Ends => WitnessKeys {
            witness: succession.heir.clone(),
            heir: None,
        },
    };
    said.told.lock().unwrap().push(succession);
    (StatusCode::OK, Json(json!(keys)))
}
