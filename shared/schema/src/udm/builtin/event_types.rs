//! The values of `event_type`. They are those of Panther's module `panther_event_type_helpers`.

pub(super) const ADMIN_ROLE_ASSIGNED: &str = "admin_role_assigned";
pub(super) const FAILED_LOGIN: &str = "failed_login";
pub(super) const MFA_DISABLED: &str = "mfa_disabled";
pub(super) const MFA_ENABLED: &str = "mfa_enabled";
pub(super) const MFA_RESET: &str = "mfa_reset";
pub(super) const SUCCESSFUL_LOGIN: &str = "successful_login";
pub(super) const SUCCESSFUL_LOGOUT: &str = "successful_logout";
pub(super) const USER_ACCOUNT_CREATED: &str = "user_account_created";
pub(super) const USER_ACCOUNT_DELETED: &str = "user_account_deleted";
pub(super) const USER_ACCOUNT_MODIFIED: &str = "user_account_modified";
pub(super) const USER_GROUP_CREATED: &str = "user_group_created";
pub(super) const USER_GROUP_DELETED: &str = "user_group_deleted";
pub(super) const USER_GROUP_MODIFIED: &str = "user_group_modified";
pub(super) const USER_ROLE_CREATED: &str = "user_role_created";
pub(super) const USER_ROLE_DELETED: &str = "user_role_deleted";
pub(super) const USER_ROLE_MODIFIED: &str = "user_role_modified";
