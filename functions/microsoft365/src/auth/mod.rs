//! Logging in: the tenant's access token, and the refusals of Microsoft Entra.

pub(crate) mod aadsts;
mod assertion;
mod login_answer;
pub(crate) mod token;

#[cfg(test)]
pub(crate) use assertion::tests::verified;
