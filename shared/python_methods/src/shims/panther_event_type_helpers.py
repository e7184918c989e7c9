"""The event types of the standard data models, for sets of models without this helper."""

_VALUES = (
    "admin_role_assigned", "failed_login", "mfa_disabled", "mfa_enabled", "mfa_reset", "successful_login",
    "successful_logout", "user_account_created", "account_created", "user_account_deleted", "user_account_modified",
    "user_group_created", "user_group_modified", "user_group_deleted", "user_role_created", "user_role_modified",
    "user_role_deleted", "admin_mfa_disabled",
)
globals().update({value.upper(): value for value in _VALUES})
