//! Tests of the codecs: written beside the first real users.
