//! The codes of failures, each with its severity and its fix.

use serde::Serialize;

/// The severity of a failure, which decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The failure may pass by itself.
    MayPass,
    /// The secret, or where it is read from, is wrong.
    Settings,
    /// A person must act.
    Person,
}

/// Declares [`Code`] from a table: variant, severity and fix.
macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident $severity:ident $fix:literal)+) => {
        /// The cause of a failed step. In JSON its name is in kebab-case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[$doc])+ $code,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: [Self; [$(stringify!($code)),+].len()] = [$(Self::$code),+];

            /// Returns the severity of the failure.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)+
                }
            }

            /// Returns the fix, for a failure whose message names none.
            pub fn fix(self) -> &'static str {
                match self {
                    $(Self::$code => $fix,)+
                }
            }
        }
    };
}

codes! {
    /// The secret's store does not have it.
    SecretMissing Settings "create the secret, or correct its name"
    /// The secret's store refuses to hand it out.
    SecretDenied Person "grant secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key if it has one"
    /// The secret cannot be read for another reason.
    SecretUnreadable Settings "check that the secret exists and can be read"
    /// The secret's text is not as described in the documentation.
    SecretMalformed Settings "correct the text of the secret; README.md shows its form"
    /// The secret holds a key of another kind, which cannot read the audit log.
    WrongKeyKind Settings "put an admin key into the secret"
    /// The name of the vendor's host is not known.
    NameNotResolved MayPass "check the network's DNS, and the variable with the vendor's URL if it is set"
    /// The vendor's host does not answer.
    HostUnreachable MayPass "allow outgoing HTTPS to this host, and check the variable with the vendor's URL if it is set"
    /// TLS fails.
    TlsFailed Person "install the CA certificates of the proxy in between, or let this host pass it unopened"
    /// A gateway or proxy answers in the vendor's place.
    Gateway MayPass "let calls to this host pass the gateway or proxy in between"
    /// The vendor does not accept the key.
    KeyRefused Person "put a valid admin key into the secret"
    /// The key lacks the permission to read the audit log.
    ScopeMissing Person "an owner of the organization must grant the key the permission api.audit_logs.read"
    /// The organization's IP allowlist refuses our address.
    AddressRefused Person "add this address to the organization's IP allowlist"
    /// The vendor does not serve the country or region of our address.
    RegionRefused Person "run the collector in a country that the vendor supports"
    /// The organization has unpaid bills.
    Unpaid Person "settle the organization's billing"
    /// The client secret is wrong.
    WrongSecret Person "put the value of a valid client secret into client_secret of the source's secret"
    /// The secret has the id of the client secret and not its value.
    SecretIdInsteadOfValue Person "create a new client secret and put its value, not its id, into client_secret of the source's secret"
    /// The client secret has expired.
    SecretExpired Person "create a new client secret and put its value into the source's secret"
    /// The certificate is refused.
    CertificateRefused Person "upload the certificate to the app registration, or correct the source's secret"
    /// The tenant is not the one of the secret, or does not exist.
    WrongTenant Person "correct tenant_id in the source's secret"
    /// The app registration does not exist in the tenant.
    WrongApplication Person "correct client_id in the source's secret"
    /// The tenant belongs to another of the vendor's clouds.
    WrongCloud Person "correct cloud in the source's secret (commercial, gcc, gcc-high or dod), and check MICROSOFT365_API_URL if it is set; if both are right, wait some minutes and check again"
    /// No administrator has consented to the permissions.
    NoConsent Person "add the application permission ActivityFeed.Read of Office 365 Management APIs and grant admin consent"
    /// The login refuses for another reason.
    LoginRefused Person "check tenant_id, client_id, its credential and cloud in the source's secret"
    /// The token has delegated permissions only.
    DelegatedPermission Person "replace the delegated permission by the application permission ActivityFeed.Read of Office 365 Management APIs and grant admin consent"
    /// The token lacks a permission.
    PermissionMissing Person "add the application permission ActivityFeed.Read of Office 365 Management APIs and grant admin consent"
    /// The token lacks the permission for DLP events.
    DlpPermissionMissing Person "add the application permission ActivityFeed.ReadDlp of Office 365 Management APIs and grant admin consent, or take DLP.All out of content_types"
    /// The vendor records no events.
    AuditingOff Person "turn on audit logging"
    /// The audit log is empty, which may mean that auditing is off.
    NoEvents MayPass "check that audit logging is on"
    /// A subscription is disabled.
    SubscriptionDisabled Person "find out who or what disabled the subscription; the first tick starts it again"
    /// The vendor asks for fewer requests.
    Throttled MayPass "wait some minutes and check again"
    /// The vendor's service fails.
    VendorFailed MayPass "check again in some minutes; if this lasts, see the vendor's status page"
    /// The vendor refuses the request for another reason.
    VendorRefused Person "check the source's secret and the vendor's settings"
    /// The bucket does not exist.
    BucketMissing Person "create the bucket, or correct its name"
    /// Access to the bucket is denied.
    BucketDenied Person "grant s3:PutObject and s3:GetObject below the prefix, and s3:ListBucketVersions, on the bucket"
    /// The bucket cannot be used for another reason.
    BucketFailed Person "check the bucket; with a local lake, check its rights, its space and its file system"
    /// The bucket ignores the condition of a put.
    BucketUnconditional Person "use a store with conditional puts (If-None-Match and If-Match), such as S3"
    /// The KMS key may not be used.
    KmsDenied Person "grant the role kms:GenerateDataKey and kms:Decrypt on the key, in the key's policy too, and enable the key"
    /// The table does not exist.
    TableMissing Person "create the table with the keys pk (S) and sk (N), or correct its name"
    /// Access to the table is denied.
    TableDenied Person "grant dynamodb:GetItem, BatchGetItem, Query and PutItem on the table"
    /// The table cannot be used for another reason.
    TableFailed Person "check the table; with a local lake, check the rights and the space of .audit-pull/state.sqlite"
    /// The row of the check belongs to a stream.
    ProbeRowTaken Person "give the source with this source_id another one; it is reserved for this check"
    /// The bucket's prefix belongs to another deployment.
    ForeignDeployment Person "use another prefix, or restore the state"
    /// The state was lost.
    StateLost Person "run `audit-pull rebuild`, or use another prefix"
    /// The state was restored from a backup.
    StateRestored Person "run `audit-pull rebuild`"
    /// The vendor answers for another organisation or tenant than before.
    OtherOwner Person "put a credential of the recorded owner into the secret, or give the source a source_id of its own"
    /// Our clock differs from the vendor's.
    ClockOff Person "correct this machine's clock, for example with NTP"
    /// Nobody receives the alarms.
    NoSubscriber Person "subscribe an e-mail address or an endpoint to the alarm topic, and confirm the subscription"
    /// The subscribers may not be listed.
    TopicDenied MayPass "grant the function sns:ListSubscriptionsByTopic on the topic, or look at its subscriptions in the console"
    /// The alarm topic does not exist.
    TopicMissing Person "create the alarm topic, or correct its ARN"
    /// The alarm topic cannot be read for another reason.
    TopicFailed MayPass "check the alarm topic"
    /// The step did not end in time.
    TimedOut MayPass "check the network to this service, and check again"
}

impl Code {
    /// Returns the name in JSON and in text.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_one_name_and_a_fix() {
        let names: BTreeSet<_> = Code::ALL.into_iter().map(Code::name).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert!(!code.fix().is_empty() && !code.fix().ends_with('.'), "{code:?}");
        }
    }
}
