// SPDX-License-Identifier: Apache-2.0
//! Who is let in and who is not, with the official Rust client: tokens, passwords and TLS.  (It has no client certificates.)
//!
//! The crate's own tests know no security, so these are ours: compiled as a test of the crate, run in a directory that
//! tests/security_files.py made, against a broker on the ports that Pulsar has, which has that directory's broker.conf.
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{engine::general_purpose::URL_SAFE_NO_PAD, Engine};
use futures::TryStreamExt;
use pulsar::authentication::{basic::BasicAuthentication, Authentication};
use pulsar::consumer::InitialPosition;
use pulsar::error::AuthenticationError;
use pulsar::{Consumer, ConsumerOptions, Producer, Pulsar, PulsarBuilder, TokioExecutor};

const URL: &str = "pulsar://127.0.0.1:6650";
const URL_TLS: &str = "pulsar+ssl://localhost:6651";
const ROLE: &str = "token-principal"; // may produce and consume in private/auth
const PATIENCE: Duration = Duration::from_secs(30);

// ---- credentials ----

/// As `openssl` signs it: the crate has nothing that does.
fn signed(head: &str, claims: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let secret: String = std::fs::read("tokens/secret.key").unwrap().iter().map(|b| format!("{b:02x}")).collect();
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{secret}"), "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(openssl.wait_with_output().unwrap().stdout))
}

fn token(role: &str) -> String {
    signed(r#"{"alg":"HS256"}"#, &format!(r#"{{"sub":"{role}"}}"#))
}

fn token_for(role: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    signed(r#"{"alg":"HS256"}"#, &format!(r#"{{"sub":"{role}","exp":{}}}"#, now + seconds))
}

/// Tokens that live for two seconds, as long as there are any.
#[derive(Clone, Default)]
struct Supply {
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl Authentication for Supply {
    fn auth_method_name(&self) -> String {
        "token".to_string()
    }

    async fn initialize(&mut self) -> Result<(), AuthenticationError> {
        Ok(())
    }

    async fn auth_data(&mut self) -> Result<Vec<u8>, AuthenticationError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let lives = if self.ended.load(Ordering::SeqCst) { -10 } else { 2 };
        Ok(token_for(ROLE, lives).into_bytes())
    }
}

// ---- clients ----

fn plain() -> PulsarBuilder<TokioExecutor> {
    Pulsar::builder(URL, TokioExecutor)
}

fn tls(authority: &str) -> PulsarBuilder<TokioExecutor> {
    Pulsar::builder(URL_TLS, TokioExecutor).with_certificate_chain_file(format!("certs/{authority}.pem")).unwrap()
}

/// By the broker's number, which is not in its certificate.  (Where a name has two addresses, the crate tells of one refusal.)
fn tls_by_number(authority: &str, names_count: bool) -> PulsarBuilder<TokioExecutor> {
    Pulsar::builder("pulsar+ssl://127.0.0.1:6651", TokioExecutor)
        .with_certificate_chain_file(format!("certs/{authority}.pem"))
        .unwrap()
        .with_tls_hostname_verification_enabled(names_count)
}

fn by_token(builder: PulsarBuilder<TokioExecutor>, token: String) -> PulsarBuilder<TokioExecutor> {
    builder.with_auth(pulsar::Authentication { name: "token".to_string(), data: token.into_bytes() })
}

fn by_password(builder: PulsarBuilder<TokioExecutor>, user: &str, word: &str) -> PulsarBuilder<TokioExecutor> {
    builder.with_auth_provider(BasicAuthentication::new(user, word))
}

fn topic() -> String {
    format!("persistent://private/auth/rust-{}", uuid::Uuid::new_v4())
}

/// A message there and back.
async fn works(builder: PulsarBuilder<TokioExecutor>) {
    let client = builder.build().await.unwrap();
    let topic = topic();
    let mut producer = client.producer().with_topic(&topic).build().await.unwrap();
    producer.send_non_blocking("in").await.unwrap().await.unwrap();
    let mut consumer: Consumer<String, _> = client
        .consumer()
        .with_topic(&topic)
        .with_subscription("s")
        .with_options(ConsumerOptions::default().with_initial_position(InitialPosition::Earliest))
        .build()
        .await
        .unwrap();
    let message = tokio::time::timeout(PATIENCE, consumer.try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message.payload.data, b"in");
    consumer.ack(&message).await.unwrap();
}

/// The crate's errors do not tell why no connection came about; what it logs does.
struct Said(Mutex<String>);

static SAID: Said = Said(Mutex::new(String::new()));

impl log::Log for Said {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        self.0.lock().unwrap().push_str(&format!("{}\n", record.args()));
    }

    fn flush(&self) {}
}

fn said() -> String {
    std::mem::take(&mut *SAID.0.lock().unwrap())
}

async fn does_not_connect(builder: PulsarBuilder<TokioExecutor>, why: &str) {
    let _ = log::set_logger(&SAID);
    log::set_max_level(log::LevelFilter::Warn);
    said();
    assert!(builder.build().await.is_err(), "it is connected");
    let why_not = said();
    assert!(why_not.contains(why), "wanted {why}, got {why_not}");
}

async fn is_not_believed(builder: PulsarBuilder<TokioExecutor>) {
    does_not_connect(builder, "AuthenticationError").await;
}

async fn does_not_believe(builder: PulsarBuilder<TokioExecutor>) {
    does_not_connect(builder, "Tls(").await;
}

async fn is_forbidden(builder: PulsarBuilder<TokioExecutor>) {
    let client = builder.build().await.unwrap();
    let refused = client.producer().with_topic(topic()).build().await.err().expect("it was let in");
    assert!(format!("{refused:?}").contains("AuthorizationError"), "{refused:?}");
}

// ---- tokens ----

#[tokio::test]
async fn a_token_is_believed() {
    works(by_token(plain(), token(ROLE))).await;
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let good = token(ROLE);
    let parts: Vec<&str> = good.split('.').collect();
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"admin"}"#);
    is_not_believed(by_token(plain(), format!("{}.{claims}.{}", parts[0], parts[2]))).await;
}

#[tokio::test]
async fn a_token_that_is_not_signed_is_refused() {
    let (head, claims) = (URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(r#"{"sub":"admin"}"#));
    is_not_believed(by_token(plain(), format!("{head}.{claims}."))).await;
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused() {
    is_not_believed(by_token(plain(), token_for("admin", -10))).await;
}

#[tokio::test]
async fn who_says_nothing_is_refused() {
    is_not_believed(plain()).await;
    is_not_believed(tls_by_number("cacert", false)).await;
}

#[tokio::test]
async fn who_has_no_permission_is_forbidden() {
    is_forbidden(by_token(plain(), token("nobody-in-particular"))).await;
}

// ---- passwords ----

#[tokio::test]
async fn a_password_is_believed() {
    works(by_password(plain(), "admin", "123456")).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    is_not_believed(by_password(plain(), "admin", "1234567")).await;
    is_not_believed(by_password(plain(), "nobody", "123456")).await;
}

// ---- TLS ----

#[tokio::test]
async fn tls_carries_a_token_and_a_password() {
    works(by_token(tls("cacert"), token(ROLE))).await;
    works(by_password(tls("cacert"), "admin", "123456")).await;
}

#[tokio::test]
async fn a_broker_whom_nobody_vouches_for_is_refused_unless_nobody_cares() {
    does_not_believe(by_token(tls_by_number("othercacert", false), token(ROLE))).await;
    works(by_token(tls("othercacert").with_allow_insecure_connection(true), token(ROLE))).await;
}

#[tokio::test]
async fn a_broker_of_another_name_is_refused_if_names_are_looked_at() {
    does_not_believe(by_token(tls_by_number("cacert", true), token(ROLE))).await;
    works(by_token(tls_by_number("cacert", false), token(ROLE))).await;
}

// ---- credentials that end while they are used ----

// This client does not say that it can be asked for another token: its connection ends with the token, and it makes the next.

/// Sends until a receipt comes while the condition holds.
async fn sends_until(producer: &mut Producer<TokioExecutor>, condition: impl Fn() -> bool) {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let enough = condition();
            if let Ok(receipt) = producer.send_non_blocking("still here").await {
                if receipt.await.is_ok() && enough {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("it did not come true in time");
}

#[tokio::test]
async fn a_producer_outlives_its_token_by_the_next_one() {
    let supply = Supply::default();
    let client = plain().with_auth_provider(Box::new(supply.clone())).build().await.unwrap();
    let mut producer = client.producer().with_topic(topic()).build().await.unwrap();
    let asked = supply.asked.load(Ordering::SeqCst);
    sends_until(&mut producer, || supply.asked.load(Ordering::SeqCst) > asked + 1).await;
}

#[tokio::test]
async fn a_producer_whose_token_is_not_renewed_ends() {
    let supply = Supply::default();
    let client = plain().with_auth_provider(Box::new(supply.clone())).build().await.unwrap();
    let mut producer = client.producer().with_topic(topic()).build().await.unwrap();
    supply.ended.store(true, Ordering::SeqCst);
    let asked = supply.asked.load(Ordering::SeqCst);
    let sends = sends_until(&mut producer, || supply.asked.load(Ordering::SeqCst) > asked); // after which there is none
    let refused = async {
        while supply.asked.load(Ordering::SeqCst) < asked + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = sends => panic!("it still sends"),
        _ = refused => (),
    }
    is_not_believed(plain().with_auth_provider(Box::new(supply.clone()))).await;
}
