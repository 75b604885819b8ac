//! Help, man page and completions, all made from [`crate::args::table`].

pub(crate) mod completions;
pub(crate) mod help;
pub(crate) mod man;
