//! The HTTP client against a server that sends prepared bytes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{JoinHandle, spawn};

use collector::{Body, Recovery};
use flate2::{Compression, write::GzEncoder};

use super::*;

const TOKEN: &str = "canary-token-5f2a";
const SHORT: Timeouts = Timeouts {
    connect: Duration::from_millis(300),
    first_byte: Duration::from_millis(300),
    idle: Duration::from_millis(300),
};

/// Answers one request with `pieces`, with a pause of a second between them. The thread returns the request.
fn serve(pieces: Vec<Vec<u8>>) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/things?query=canary-query", listener.local_addr().unwrap());
    let request = spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut buffer = [0; 4_096];
        let length = socket.read(&mut buffer).unwrap();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                pause();
            }
            let _ = socket.write_all(piece);
        }
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    });
    (url.parse().unwrap(), request)
}

#[expect(clippy::disallowed_methods, reason = "the server's thread is not the client's clock")]
fn pause() {
    std::thread::sleep(Duration::from_secs(1));
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn get(url: Url) -> Result<Answer, PortError> {
    let token = SecretString::from(TOKEN);
    HttpClient::with_timeouts(SHORT).unwrap().send(Request::get(url).bearer(&token)).await
}

/// Checks that an error names host and path, and holds neither the token nor the query.
fn check(error: &PortError, recovery: Recovery, happened: &str) {
    assert_eq!(error.recovery, recovery, "{error}");
    assert!(error.message.contains("127.0.0.1:") && error.message.contains("/v1/things"), "{error}");
    assert!(error.message.contains(happened), "{error}");
    assert!(!error.message.contains("canary"), "{error}");
}

const AGAIN: Recovery = Recovery::Again { after: None };

#[tokio::test]
async fn ok_status_headers_and_body_are_returned() {
    let (url, request) = serve(vec![answer("429 Too Many\r\nRetry-After: 7\r\nX-Request-Id: req_1", b"slow down")]);
    let answer = get(url).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(answer.header("x-request-id"), Some("req_1"));
    assert_eq!(answer.bytes(9).await.unwrap(), b"slow down");
    let request = request.join().unwrap().to_lowercase();
    assert!(request.starts_with("get /v1/things?query=canary-query http/1.1\r\n"), "{request}");
    for header in ["authorization: bearer canary-token-5f2a", "user-agent: audit-pull/", "accept-encoding: gzip"] {
        assert!(request.contains(&format!("\r\n{header}")), "{header} in {request}");
    }
}

#[tokio::test]
async fn ok_form() {
    let (url, request) = serve(vec![answer("200 OK", b"")]);
    let fields = [("grant_type", "client_credentials"), ("client_secret", "a&b=c d")];
    let client = HttpClient::new().unwrap();
    client.send(Request::post(url).form(&fields).header("x-one", "1").uncompressed()).await.unwrap();
    let request = request.join().unwrap();
    assert!(request.starts_with("POST ") && request.contains("application/x-www-form-urlencoded"), "{request}");
    assert!(request.ends_with("grant_type=client_credentials&client_secret=a%26b%3Dc+d"), "{request}");
    assert!(request.contains("x-one: 1") && request.contains("accept-encoding: identity"), "{request}");
}

#[tokio::test]
async fn ok_gzip() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&[b'x'; 100_000]).unwrap();
    let (url, _) = serve(vec![answer("200 OK\r\nContent-Encoding: gzip", &encoder.finish().unwrap())]);
    assert_eq!(get(url).await.unwrap().bytes(100_000).await.unwrap(), [b'x'; 100_000]);
}

#[tokio::test]
async fn ok_redirect_is_an_answer() {
    let (url, _) = serve(vec![answer("302 Found\r\nLocation: http://127.0.0.1:1/elsewhere", b"")]);
    assert_eq!(get(url).await.unwrap().status(), 302);
}

#[tokio::test]
async fn err_a_refused_connection() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/v1/things?query=canary-query").parse().unwrap();
    check(&get(url).await.unwrap_err(), AGAIN, "could not connect: Connection refused");
}

#[tokio::test]
async fn err_a_server_that_never_answers() {
    let (url, _) = serve(vec![Vec::new(), Vec::new()]);
    check(&get(url).await.unwrap_err(), AGAIN, "no answer within 0.3 s");
}

#[tokio::test]
async fn err_closed_without_an_answer() {
    let (url, _) = serve(vec![Vec::new()]);
    check(&get(url).await.unwrap_err(), AGAIN, "no answer: ");
}

#[tokio::test]
async fn err_body_stalls() {
    let whole = answer("200 OK", b"0123456789");
    let (first, rest) = whole.split_at(whole.len() - 5);
    let (url, _) = serve(vec![first.to_vec(), rest.to_vec()]);
    check(&get(url).await.unwrap().bytes(10).await.unwrap_err(), AGAIN, "stood still for 0.3 s");
}

#[tokio::test]
async fn err_body_cut_short() {
    let mut cut = answer("200 OK", b"0123456789");
    cut.truncate(cut.len() - 1);
    let (url, _) = serve(vec![cut]);
    let mut answer = get(url).await.unwrap();
    let error = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cut body ended as though it were whole"),
            Err(error) => break error,
        }
    };
    check(&error, AGAIN, "broke off");
}

#[tokio::test]
async fn err_body_too_long() {
    let (url, _) = serve(vec![answer("200 OK", b"0123456789")]);
    check(&get(url).await.unwrap().bytes(9).await.unwrap_err(), Recovery::NextTick, "longer than 9 bytes");
}

#[tokio::test]
async fn err_credential_with_a_line_break() {
    let token = SecretString::from("canary\nsecond line");
    let url: Url = "http://127.0.0.1:9/v1/things".parse().unwrap();
    let error = HttpClient::new().unwrap().send(Request::get(url).bearer(&token)).await.unwrap_err();
    check(&error, Recovery::Person, "correct the secret");
}
