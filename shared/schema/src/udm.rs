//! `p_udm`: one set of names, such as `source_ip` and `actor_user`, over the lines of all log types.

pub(crate) mod native;
pub(crate) mod raw;
