//! The kind of an AWS failure, read from the error of an adapter.

/// The kinds of failure of a store that have fixes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreFault {
    /// The bucket, table, topic or secret does not exist.
    Missing,
    /// The caller lacks a permission on it.
    Denied,
    /// The caller may not use its KMS key, or the key cannot be used.
    KmsDenied,
    /// Any other failure, and every failure of a local store.
    Other,
}

/// Codes of AWS for a resource that does not exist.
const MISSING_CODES: [&str; 4] = ["NoSuchBucket", "ResourceNotFoundException", "NotFound", "NotFoundException"];
/// Length of the status in a message.
const STATUS_DIGITS: usize = 3;

/// Returns the kind of the failure. The adapters write `…: CODE (STATUS): TEXT; ADVICE`.
pub(super) fn store_fault(message: &str) -> StoreFault {
    let Some((code, text)) = code_and_text(message) else { return StoreFault::Other };
    let names_kms = code.starts_with("KMS") || code == "DecryptionFailure" || text.to_lowercase().contains("kms");
    match code {
        _ if MISSING_CODES.contains(&code) => StoreFault::Missing,
        _ if names_kms => StoreFault::KmsDenied,
        _ if code.contains("AccessDenied") || code == "AuthorizationError" || code == "AuthorizationErrorException" => {
            StoreFault::Denied
        }
        _ => StoreFault::Other,
    }
}

/// Returns AWS's code and text in a message, without the advice that follows, which may name KMS itself.
fn code_and_text(message: &str) -> Option<(&str, &str)> {
    message.match_indices(" (").find_map(|(at, _)| {
        let (status, rest) = message.get(at + 2..)?.split_once("): ")?;
        let is_status = status.len() == STATUS_DIGITS && status.bytes().all(|byte| byte.is_ascii_digit());
        let code = message.get(..at)?.rsplit(' ').next()?;
        let text = ["; grant ", "; create ", "; AWS will answer"]
            .iter()
            .fold(rest, |text, advice| text.split_once(advice).map_or(text, |(text, _)| text));
        is_status.then_some((code, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_failure_are_told_apart() {
        let denied = |code: &str, text: &str| {
            format!(
                "s3:PutObject on bucket lake, key a: {code} (403): {text}; grant s3:PutObject on lake/*, and \
                 kms:GenerateDataKey and kms:Decrypt on its key where it has one"
            )
        };
        let check = |message: &str, fault| assert_eq!(store_fault(message), fault, "{message}");
        check(&denied("AccessDenied", "Access Denied"), StoreFault::Denied);
        check(&denied("AccessDenied", "not authorized to perform: kms:GenerateDataKey"), StoreFault::KmsDenied);
        check(&denied("KMS.DisabledException", "the key is disabled"), StoreFault::KmsDenied);
        check("s3:PutObject on bucket lake, key a: NoSuchBucket (404): gone; create the bucket", StoreFault::Missing);
        check("cannot write /lake/a (b): no space; check the lake's rights and space", StoreFault::Other);
    }
}
