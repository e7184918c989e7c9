//! The base URL of a vendor's API, as configured.

use std::net::IpAddr;

use reqwest::Url;

use crate::looks_like_a_key;

/// The error for a base URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadBaseUrl {
    variable: &'static str,
    problem: String,
}

/// Parses `text`, the base URL in the environment variable `variable`. The result keeps a path but has no slash at its
/// end.
///
/// The URL must be `https`, or plain `http` to a loopback host, so that credentials never cross a network unencrypted.
/// It must have no credentials, query or fragment. The error names the variable and the problem but never the text,
/// because people paste credentials there.
pub fn base_url(variable: &'static str, text: &str) -> Result<Url, BadBaseUrl> {
    let bad = |problem: &str| BadBaseUrl { variable, problem: problem.to_owned() };
    let mut url = Url::parse(text.trim()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad("must begin with https:// and a host"));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(bad("must be https://; plain http:// is for 127.0.0.1 and localhost only"));
    }
    if !url.username().is_empty() || url.password().is_some() || looks_like_a_key(text) {
        return Err(bad("must not hold credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("must not hold a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Returns `base` with `path` appended to its path. `path` begins with `/` and is already percent-encoded.
pub fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str, endpoint_of_it: &str) {
        assert_eq!(endpoint(&base_url("X_URL", text).unwrap(), "/a/b").as_str(), endpoint_of_it, "{text}");
    }

    fn err(text: &str, problem: &str) {
        let message = base_url("X_URL", text).unwrap_err().to_string();
        assert!(message.starts_with("X_URL ") && message.contains(problem), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn ok_urls() {
        ok("https://api.example.com", "https://api.example.com/a/b");
        ok("https://api.example.com/v1", "https://api.example.com/v1/a/b");
        ok(" https://api.example.com/v1/ ", "https://api.example.com/v1/a/b");
        ok("http://127.0.0.1:8081/login", "http://127.0.0.1:8081/login/a/b");
        ok("http://localhost:1/", "http://localhost:1/a/b");
        ok("http://[::1]:1", "http://[::1]:1/a/b");
    }

    #[test]
    fn err_urls() {
        err("", "is not a URL");
        err("api.example.com/v1", "is not a URL");
        err("ftp://example.com", "https://");
        err("http://example.com", "plain http://");
        err("http://127.0.0.1.example.com", "plain http://");
        err("https://me:hunter2@example.com", "credentials");
        err("https://example.com/?key=hunter2", "query");
        err("https://example.com/sk-admin-hunter2/v1", "credentials");
        err("https://sk-admin-hunter2.example.com/v1", "credentials");
    }
}
