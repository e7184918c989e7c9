//! The failure of a refused call of the API.

use adapters::doctor::{Code, Fault};

use crate::config::content_type::ContentType;
use crate::errors::af_codes;
use crate::errors::refusal::{Reason, Refusal, Task};

/// Returns the failure, with the cause and the fix of the refusal's own advice.
pub(super) fn refusal_fault(refusal: Refusal, task: Task<'_>) -> Fault {
    let code = match refusal.reason {
        Reason::Throttled => Code::Throttled,
        Reason::AuditingOff => Code::AuditingOff,
        Reason::Foreign => Code::Gateway,
        Reason::Af(af_codes::NO_PERMISSION) if task.content_type == Some(ContentType::Dlp) => {
            Code::DlpPermissionMissing
        }
        Reason::Af(af_codes::NO_PERMISSION) => Code::PermissionMissing,
        Reason::Af(af_codes::DISABLED) => Code::SubscriptionDisabled,
        Reason::Af(20_010 | 20_011 | 20_013) => Code::WrongTenant,
        Reason::Af(code) if af_codes::TIME_RULES.contains(&code) => Code::ClockOff,
        Reason::Af(_) | Reason::Error | Reason::Message if refusal.is_transient() => Code::VendorFailed,
        Reason::Af(_) | Reason::Error | Reason::Message => Code::VendorRefused,
    };
    Fault::of(code, &refusal.into_error(task))
}
